package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// A Cluster is what "up" was told; it is kept in its folder for the other commands.
type Cluster struct {
	Dir             string // all of the cluster's files
	Bridge          string // the network interface, also the name of the cgroup
	PodCIDR         netip.Prefix
	ServiceCIDR     netip.Prefix
	Nodes           int
	Grace           time.Duration // silence after which a node is NotReady
	EvictionSeconds int           // default toleration of pods for a node that is NotReady
	EtcdPort        int

	died chan error // what a process that "up" started ended with
}

// up starts everything and returns when the cluster takes and runs pods.
func (c *Cluster) up(images []string) (err error) {
	if _, err := os.Stat(c.path("cluster.json")); err == nil {
		return fmt.Errorf("there is a cluster in %s: take it down first", c.Dir)
	}
	for _, program := range []string{"containerd", "containerd-shim-runc-v2", "ctr", "runc", "nft"} {
		if _, err := exec.LookPath(program); err != nil {
			return err
		}
	}
	ports, err := freePorts(2)
	if err != nil {
		return err
	}
	c.EtcdPort = ports[0]

	// The bridge comes first: it fails where another cluster has its name.
	var addresses []netip.Addr
	c.eachNode(func(n node) error { addresses = append(addresses, n.IP); return nil })
	if err := makeBridge(c.Bridge, c.PodCIDR, addresses); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.down())
		}
	}()
	if err := c.write(); err != nil {
		return err
	}
	if err := c.makePKI(); err != nil {
		return err
	}
	if err := c.startControlPlane(ports[1]); err != nil {
		return err
	}
	if err := c.eachNode(func(n node) error { return n.startContainerd(images) }); err != nil {
		return err
	}
	if err := c.await("API server", c.apiReady); err != nil {
		return err
	}
	if err := c.startClients(); err != nil {
		return err
	}
	if err := c.eachNode(node.startKubelet); err != nil {
		return err
	}
	if err := c.eachNode(func(n node) error { return c.await("node "+n.Name, n.ready) }); err != nil {
		return err
	}
	return c.await("default service account", func(ctx context.Context, api kubernetes.Interface) error {
		_, err := api.CoreV1().ServiceAccounts("default").Get(ctx, "default", metav1.GetOptions{})
		return err
	})
}

// down stops everything that may be left of the cluster and removes its files.
func (c *Cluster) down() error {
	err := c.eachNode(node.stop)
	err = errors.Join(err, c.cgroup().kill())
	for _, family := range []string{"ip", "ip6"} {
		exec.Command("nft", "delete", "table", family, "kube-proxy").Run()
	}
	err = errors.Join(err, removeBridge(c.Bridge), c.eachNode(func(n node) error { return removeTree(n.Dir()) }))
	for _, name := range []string{"etcd", "pki", "ipam", "kubeconfig", "cluster.json"} {
		if err == nil {
			err = os.RemoveAll(c.path(name))
		}
	}
	return err
}

func (c *Cluster) apiReady(ctx context.Context, api kubernetes.Interface) error {
	_, err := api.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(ctx)
	return err
}

// await tries until it works, two minutes at most or until something started has died.
func (c *Cluster) await(what string, try func(context.Context, kubernetes.Interface) error) error {
	config, err := clientcmd.BuildConfigFromFlags("", c.path("kubeconfig"))
	if err != nil {
		return err
	}
	api, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	for {
		err := try(ctx, api)
		select {
		case died := <-c.died:
			return died
		default:
		}
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w", what, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// start starts a program, or a component of this one, that outlives this process.
func (c *Cluster) start(group cgroup, name, program string, args ...string) error {
	if err := os.MkdirAll(c.path("log"), 0o755); err != nil {
		return err
	}
	log, err := os.Create(c.path("log/" + name))
	if err != nil {
		return err
	}
	defer log.Close()
	if components[program] != nil {
		args = append([]string{program}, args...)
		if program, err = os.Executable(); err != nil {
			return err
		}
	}
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() { c.died <- fmt.Errorf("%s has ended (%v): see %s", name, cmd.Wait(), log.Name()) }()
	return group.add(cmd.Process.Pid)
}

func (c *Cluster) write() error {
	if err := os.MkdirAll(c.path("pki"), 0o700); err != nil {
		return err
	}
	settings, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(c.path("cluster.json"), settings, 0o600)
}

func (c *Cluster) read() error {
	settings, err := os.ReadFile(c.path("cluster.json"))
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("there is no cluster in %s", c.Dir)
	} else if err != nil {
		return err
	}
	dir := c.Dir
	err = json.Unmarshal(settings, c)
	c.Dir = dir
	return err
}

func (c *Cluster) path(name string) string { return filepath.Join(c.Dir, name) }

func (c *Cluster) cgroup() cgroup { return cgroup("/" + c.Bridge) }

// node returns the node with this number, from 1.
func (c *Cluster) node(number int) node {
	ip := c.PodCIDR.Masked().Addr()
	for range number {
		ip = ip.Next()
	}
	return node{c, fmt.Sprintf("node-%d", number), ip}
}

func (c *Cluster) eachNode(do func(node) error) error {
	for i := range c.Nodes {
		if err := do(c.node(i + 1)); err != nil {
			return err
		}
	}
	return nil
}

func (c *Cluster) oneNode(name string, do func(node) error) error {
	found := fmt.Errorf("no node %s", name)
	c.eachNode(func(n node) error {
		if n.Name == name {
			found = do(n)
		}
		return nil
	})
	return found
}
