package main

import (
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"net/netip"
)

func (c *Cluster) makePKI() error {
	ca, err := newPKI(c.path("pki"))
	if err != nil {
		return err
	}
	api := "https://" + netip.AddrPortFrom(c.node(1).IP, 6443).String()
	err = errors.Join(
		ca.issue("apiserver", pkix.Name{CommonName: "kube-apiserver"}, c.node(1).IP.String(), c.ServiceCIDR.Addr().Next().String(),
			"127.0.0.1", "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"),
		ca.issue("apiserver-client", pkix.Name{CommonName: "kube-apiserver", Organization: []string{"system:masters"}}),
		ca.kubeconfig(c.path("kubeconfig"), api, "admin", "system:masters"),
		ca.kubeconfig(ca.path("controller-manager"), api, "system:kube-controller-manager"),
		ca.kubeconfig(ca.path("scheduler"), api, "system:kube-scheduler"),
		ca.kubeconfig(ca.path("proxy"), api, "system:kube-proxy"),
	)
	return errors.Join(err, c.eachNode(func(n node) error {
		return errors.Join(
			ca.issue(n.Name+"-server", pkix.Name{CommonName: n.Name}, n.Name, n.IP.String()),
			ca.kubeconfig(ca.path(n.Name), api, "system:node:"+n.Name, "system:nodes"))
	}))
}

func (c *Cluster) startControlPlane(peerPort int) error {
	pki := c.path("pki")
	group := c.cgroup() + "/control-plane"
	if err := group.create(); err != nil {
		return err
	}
	err := c.start(group, "etcd", "etcd",
		"--data-dir="+c.path("etcd"), fmt.Sprintf("--client-port=%d", c.EtcdPort), fmt.Sprintf("--peer-port=%d", peerPort))
	if err != nil {
		return err
	}
	return c.start(group, "apiserver", "kube-apiserver",
		fmt.Sprintf("--etcd-servers=http://127.0.0.1:%d", c.EtcdPort),
		"--bind-address="+c.node(1).IP.String(),
		"--advertise-address="+c.node(1).IP.String(),
		"--service-cluster-ip-range="+c.ServiceCIDR.String(),
		"--authorization-mode=Node,RBAC",
		"--enable-admission-plugins=NodeRestriction",
		"--allow-privileged",
		"--client-ca-file="+pki+"/ca.crt",
		"--tls-cert-file="+pki+"/apiserver.crt",
		"--tls-private-key-file="+pki+"/apiserver.key",
		"--kubelet-certificate-authority="+pki+"/ca.crt",
		"--kubelet-client-certificate="+pki+"/apiserver-client.crt",
		"--kubelet-client-key="+pki+"/apiserver-client.key",
		"--kubelet-preferred-address-types=InternalIP",
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file="+pki+"/ca.key",
		"--service-account-signing-key-file="+pki+"/ca.key",
		fmt.Sprintf("--default-not-ready-toleration-seconds=%d", c.EvictionSeconds),
		fmt.Sprintf("--default-unreachable-toleration-seconds=%d", c.EvictionSeconds))
}

// startClients starts the parts that need a running API server.
func (c *Cluster) startClients() error {
	pki := c.path("pki")
	group := c.cgroup() + "/control-plane"
	return errors.Join(
		c.start(group, "controller-manager", "kube-controller-manager",
			"--kubeconfig="+pki+"/controller-manager",
			"--secure-port=0",
			"--leader-elect=false",
			"--use-service-account-credentials",
			"--root-ca-file="+pki+"/ca.crt",
			"--service-account-private-key-file="+pki+"/ca.key",
			"--node-monitor-grace-period="+c.Grace.String(),
			"--node-monitor-period=1s",
			"--concurrent-job-syncs=20",
			"--kube-api-qps=200",
			"--kube-api-burst=400"),
		c.start(group, "scheduler", "kube-scheduler",
			"--kubeconfig="+pki+"/scheduler",
			"--secure-port=0",
			"--leader-elect=false",
			"--kube-api-qps=200",
			"--kube-api-burst=400"),
		c.start(group, "proxy", "kube-proxy",
			"--kubeconfig="+pki+"/proxy",
			"--proxy-mode=nftables",
			"--hostname-override="+c.node(1).Name,
			"--cluster-cidr="+c.PodCIDR.String(),
			"--healthz-bind-address=",
			"--metrics-bind-address=",
			"--conntrack-max-per-core=0"))
}
