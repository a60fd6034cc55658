//go:build ignore

// Generates ent's code: run from the repository root by `make generate`.
package main

import (
	"log"

	"entgo.io/contrib/entgql"
	"entgo.io/ent/entc"
	"entgo.io/ent/entc/gen"
)

func main() {
	gql, err := entgql.NewExtension(
		entgql.WithConfigPath("gqlgen.yml"),
		entgql.WithNodeDescriptor(false),
		entgql.WithWhereInputs(false),
	)
	if err != nil {
		log.Fatalf("entgql: %v", err)
	}
	err = entc.Generate("./ent/schema", &gen.Config{
		Target:   "./ent",
		Package:  "github.com/holdfast-backup/holdfast/ent",
		Features: []gen.Feature{gen.FeatureIntercept, gen.FeaturePrivacy, gen.FeatureVersionedMigration, gen.FeatureModifier, gen.FeatureExecQuery, gen.FeatureUpsert, gen.FeatureLock},
	}, entc.Extensions(gql), entc.TemplateDir("./ent/template"))
	if err != nil {
		log.Fatalf("ent: %v", err)
	}
}
