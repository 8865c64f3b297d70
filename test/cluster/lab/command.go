package main

import (
	"net/netip"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
)

// The commands that start a cluster, stop it, and fail its nodes.
func clusterCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "kubelab",
		Short:         "A real Kubernetes for tests on one Linux machine",
		Long:          "A real Kubernetes for tests on one Linux machine.\nBesides the commands below: kubelab kubectl ...",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	c := &Cluster{died: make(chan error, 32)}
	root.PersistentFlags().StringVar(&c.Dir, "dir", ".cluster", "folder for all of the cluster's files")
	command := func(use, short string, args cobra.PositionalArgs, run func(args []string) error) *cobra.Command {
		cmd := &cobra.Command{Use: use, Short: short, Args: args, RunE: func(_ *cobra.Command, args []string) error {
			dir, err := filepath.Abs(c.Dir)
			if err != nil {
				return err
			}
			c.Dir = dir
			return run(args)
		}}
		root.AddCommand(cmd)
		return cmd
	}

	var pods, services string
	up := command("up IMAGE.tar...", "Start a cluster with these images, pause:1 among them", cobra.MinimumNArgs(1), func(images []string) (err error) {
		if c.PodCIDR, err = netip.ParsePrefix(pods); err != nil {
			return err
		}
		if c.ServiceCIDR, err = netip.ParsePrefix(services); err != nil {
			return err
		}
		return c.up(images)
	})
	up.Flags().StringVar(&pods, "pod-cidr", "10.97.0.0/16", "addresses of nodes (from the second) and pods (from the 257th)")
	up.Flags().StringVar(&services, "service-cidr", "10.98.0.0/16", "addresses of services")
	up.Flags().StringVar(&c.Bridge, "bridge", "kubelab0", "name for the network interface")
	up.Flags().IntVar(&c.Nodes, "nodes", 1, "number of nodes")
	up.Flags().DurationVar(&c.Grace, "node-grace", 10*time.Second, "silence after which a node is NotReady")
	up.Flags().IntVar(&c.EvictionSeconds, "eviction-seconds", 5, "how long pods stay on a node that is NotReady, unless they say")

	existing := func(use, short string, args cobra.PositionalArgs, run func(args []string) error) {
		command(use, short, args, func(args []string) error {
			if err := c.read(); err != nil {
				return err
			}
			return run(args)
		})
	}
	existing("down", "Stop the cluster and remove its files, except logs", cobra.NoArgs, func([]string) error { return c.down() })
	existing("load IMAGE.tar...", "Load images into all nodes", cobra.MinimumNArgs(1), func(images []string) error {
		return c.eachNode(func(n node) error { return n.load(images) })
	})
	existing("stop-node NAME", "Fail a node: end its kubelet, containerd and containers at once", cobra.ExactArgs(1), func(args []string) error {
		return c.oneNode(args[0], node.stop)
	})
	existing("start-node NAME", "Start a failed node again", cobra.ExactArgs(1), func(args []string) error {
		return c.oneNode(args[0], func(n node) error {
			if err := n.startContainerd(nil); err != nil {
				return err
			}
			if err := n.startKubelet(); err != nil {
				return err
			}
			return c.await("node "+n.Name, n.ready)
		})
	})
	return root
}
