package graph_test

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/formatter"

	"github.com/holdfast-backup/holdfast/graph"
)

var update = flag.Bool("update", false, "write the schema snapshot anew")

func schema() *ast.Schema { return graph.Schema(&graph.Resolver{}).Schema() }

// TestSchemaSnapshot makes every change of the public contract show in a diff:
// go test ./graph -run SchemaSnapshot -update.
func TestSchemaSnapshot(t *testing.T) {
	t.Parallel()
	const path = "testdata/schema.graphql"
	var got bytes.Buffer
	formatter.NewFormatter(&got, formatter.WithoutDescription()).FormatSchema(schema())
	if *update {
		check(t, os.WriteFile(path, got.Bytes(), 0o600))
	}
	want, err := os.ReadFile(path)
	check(t, err)
	if !bytes.Equal(got.Bytes(), want) {
		t.Error("the schema has changed; if that is meant and nothing was taken away, run this test with -update")
	}
}

func rootFields(s *ast.Schema) map[string]*ast.FieldDefinition {
	fields := map[string]*ast.FieldDefinition{}
	for _, root := range []*ast.Definition{s.Query, s.Mutation, s.Subscription} {
		if root == nil {
			continue
		}
		for _, field := range root.Fields {
			if !strings.HasPrefix(field.Name, "__") {
				fields[root.Name+"."+field.Name] = field
			}
		}
	}
	return fields
}

func TestEveryRootFieldSaysWhoMayAsk(t *testing.T) {
	t.Parallel()
	for name, field := range rootFields(schema()) {
		if (field.Directives.ForName("hasRole") == nil) == (field.Directives.ForName("public") == nil) {
			t.Errorf("%s needs exactly one of @hasRole and @public", name)
		}
	}
}

func TestEveryMutationHasOneInputAndAPayload(t *testing.T) {
	t.Parallel()
	s := schema()
	for _, field := range s.Mutation.Fields {
		if len(field.Arguments) != 1 || field.Arguments[0].Name != "input" {
			t.Errorf("%s does not take one input", field.Name)
		}
		if payload := s.Types[field.Type.Name()]; len(payload.Interfaces) != 1 || payload.Interfaces[0] != "Payload" {
			t.Errorf("%s does not return a Payload", field.Name)
		}
	}
}

func TestEveryConnectionHasADefaultPage(t *testing.T) {
	t.Parallel()
	for _, definition := range schema().Types {
		for _, field := range definition.Fields {
			if !strings.HasSuffix(field.Type.Name(), "Connection") {
				continue
			}
			if first := field.Arguments.ForName("first"); first == nil || first.DefaultValue == nil || first.DefaultValue.Raw != "50" {
				t.Errorf("%s.%s has no first: Int = 50", definition.Name, field.Name)
			}
		}
	}
}
