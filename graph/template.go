package graph

import (
	"github.com/holdfast-backup/holdfast/ent/predicate"
	"github.com/holdfast-backup/holdfast/ent/template"
)

func templateConditions(search *string, kind *template.Type) []predicate.Template {
	var all []predicate.Template
	if search != nil && *search != "" {
		all = append(all, template.Or(
			template.NameContainsFold(*search), template.DescriptionContainsFold(*search),
			template.NameContains(*search), template.DescriptionContains(*search))) // as in jobNamed
	}
	if kind != nil {
		all = append(all, template.TypeEQ(*kind))
	}
	return all
}
