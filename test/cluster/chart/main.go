// Renders a chart as `helm template NAME CHART --namespace NAMESPACE --values FILE` does, with Helm's own packages for reading
// charts and templates. Helm's whole program takes twice as long to build.
//
//	chart CHART NAME NAMESPACE VALUES.yaml
package main

import (
	"fmt"
	"os"
	"path"
	"sort"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
)

func main() {
	if err := render(os.Args[1], os.Args[2], os.Args[3], os.Args[4]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func render(folder, name, namespace, file string) error {
	chart, err := loader.Load(folder)
	if err != nil {
		return err
	}
	if err := chart.Validate(); err != nil {
		return err
	}
	given, err := chartutil.ReadValuesFile(file)
	if err != nil {
		return err
	}
	release := chartutil.ReleaseOptions{Name: name, Namespace: namespace, Revision: 1, IsInstall: true}
	values, err := chartutil.ToRenderValues(chart, given, release, chartutil.DefaultCapabilities)
	if err != nil {
		return err
	}
	rendered, err := engine.Render(chart, values)
	if err != nil {
		return err
	}
	templates := make([]string, 0, len(rendered))
	for template := range rendered {
		templates = append(templates, template)
	}
	sort.Strings(templates)
	for _, template := range templates {
		if path.Ext(template) == ".yaml" {
			fmt.Printf("---\n# Source: %s\n%s\n", template, rendered[template])
		}
	}
	return nil
}
