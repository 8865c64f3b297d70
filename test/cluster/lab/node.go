package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"text/template"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

//go:embed files
var files embed.FS

// The image of the process that holds a pod together: tests load one under
// this name.
const pauseImage = "kubelab/pause:1"

// A node is a containerd and a kubelet. The first one's address is also the
// API server's, and the gateway of the pods.
type node struct {
	*Cluster
	Name string
	IP   netip.Addr
}

func (n node) startContainerd(images []string) error {
	for _, f := range []struct{ template, file string }{
		{"containerd.toml", "containerd.toml"},
		{"hosts.toml", "registries/_default/hosts.toml"},
		{"cni.conflist", "cni/kubelab.conflist"},
		{"kubelet.yaml", "kubelet.yaml"},
	} {
		if err := n.render(f.template, f.file); err != nil {
			return err
		}
	}
	if err := n.daemons().create(); err != nil {
		return err
	}
	if err := n.start(n.daemons(), n.Name+"-containerd", "containerd", "--config="+n.Dir()+"/containerd.toml"); err != nil {
		return err
	}
	err := n.await("containerd of "+n.Name, func(ctx context.Context, _ kubernetes.Interface) error {
		return n.ctr(ctx, "version")
	})
	if err != nil {
		return err
	}
	return n.load(images)
}

func (n node) startKubelet() error {
	return n.start(n.daemons(), n.Name+"-kubelet", "kubelet",
		"--config="+n.Dir()+"/kubelet.yaml",
		"--kubeconfig="+n.Cluster.path("pki/"+n.Name),
		"--root-dir="+n.Dir()+"/kubelet",
		"--hostname-override="+n.Name,
		"--node-ip="+n.IP.String())
}

// stop ends the node as a power failure does: nothing tells the API server.
func (n node) stop() error {
	if err := n.Cgroup().kill(); err != nil {
		return err
	}
	// What containerd and kubelet put outside of the folder.
	addresses, _ := filepath.Glob(n.Dir() + "/run/io.containerd.runtime.v2.task/k8s.io/*/address")
	for _, f := range addresses {
		if socket, err := os.ReadFile(f); err == nil {
			os.Remove(strings.TrimPrefix(string(socket), "unix://"))
		}
	}
	links, _ := filepath.Glob("/var/log/containers/*.log")
	for _, link := range links {
		if log, err := os.Readlink(link); err == nil && strings.HasPrefix(log, n.Dir()+"/") {
			os.Remove(link)
		}
	}
	return errors.Join(removeTree(n.Dir()+"/run"), removeTree(n.Dir()+"/kubelet"))
}

func (n node) load(images []string) error {
	for _, image := range images {
		if err := n.ctr(context.Background(), "--namespace=k8s.io", "images", "import", image); err != nil {
			return err
		}
	}
	return nil
}

func (n node) ctr(ctx context.Context, args ...string) error {
	out, err := exec.CommandContext(ctx, "ctr", append([]string{"--address=" + n.Dir() + "/containerd.sock"}, args...)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ctr %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}

func (n node) ready(ctx context.Context, api kubernetes.Interface) error {
	node, err := api.CoreV1().Nodes().Get(ctx, n.Name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			if condition.Status == corev1.ConditionTrue {
				return nil
			}
			return errors.New(condition.Message)
		}
	}
	return errors.New("no condition yet")
}

func (n node) daemons() cgroup { return n.Cgroup() + "/daemons" }

// render writes a template of the folder files into a file of the node.
func (n node) render(name, file string) error {
	tmpl, err := template.ParseFS(files, "files/"+name)
	if err != nil {
		return err
	}
	path := filepath.Join(n.Dir(), file)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(tmpl.Execute(out, n), out.Close())
}

// What the templates use besides fields.

func (n node) Dir() string        { return n.Cluster.path(n.Name) }
func (n node) Cgroup() cgroup     { return n.cgroup() + cgroup("/"+n.Name) }
func (n node) PauseImage() string { return pauseImage }

func (n node) Gateway() netip.Addr    { return n.Cluster.node(1).IP }
func (n node) FirstPodIP() netip.Addr { return n.Cluster.node(256).IP }

func (n node) CNIPlugins() (string, error) {
	for _, dir := range []string{"/opt/cni/bin", "/usr/lib/cni"} {
		if _, err := os.Stat(dir + "/bridge"); err == nil {
			return dir, nil
		}
	}
	return "", errors.New("no CNI plugins are installed")
}

func (n node) MaxOpenFiles() (uint64, error) {
	var limit syscall.Rlimit
	err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit)
	return min(limit.Max, 1000000), err
}
