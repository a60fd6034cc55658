package simorg

import "strings"

// metadataType is a row of describeMetadata.
type metadataType struct {
	name, dir, suffix string
	folder, metaFile  bool
	children          []string
}

// metadataTypes are the metadata types the org knows. Objects, validation
// rules, triggers, flows, duplicate and workflow rules work; the others are
// kept and given back as files.
var metadataTypes = []metadataType{
	{name: "CustomObject", dir: "objects", suffix: "object", children: []string{"CustomField", "Index", "ValidationRule", "RecordType"}},
	{name: "ApexClass", dir: "classes", suffix: "cls", metaFile: true},
	{name: "ApexTrigger", dir: "triggers", suffix: "trigger", metaFile: true},
	{name: "ApexPage", dir: "pages", suffix: "page", metaFile: true},
	{name: "Flow", dir: "flows", suffix: "flow"},
	{name: "FlowDefinition", dir: "flowDefinitions", suffix: "flowDefinition"},
	{name: "Workflow", dir: "workflows", suffix: "workflow", children: []string{"WorkflowRule", "WorkflowFieldUpdate", "WorkflowAlert"}},
	{name: "DuplicateRule", dir: "duplicateRules", suffix: "duplicateRule"},
	{name: "AssignmentRules", dir: "assignmentRules", suffix: "assignmentRules", children: []string{"AssignmentRule"}},
	{name: "Layout", dir: "layouts", suffix: "layout"},
	{name: "Profile", dir: "profiles", suffix: "profile"},
	{name: "CustomPermission", dir: "customPermissions", suffix: "customPermission"},
	{name: "PermissionSet", dir: "permissionsets", suffix: "permissionset"},
	{name: "CustomMetadata", dir: "customMetadata", suffix: "md"},
	{name: "CustomLabels", dir: "labels", suffix: "labels", children: []string{"CustomLabel"}},
	{name: "CustomTab", dir: "tabs", suffix: "tab"},
	{name: "CustomApplication", dir: "applications", suffix: "app"},
	{name: "StaticResource", dir: "staticresources", suffix: "resource", metaFile: true},
	{name: "Queue", dir: "queues", suffix: "queue"},
	{name: "Group", dir: "groups", suffix: "group"},
	{name: "Role", dir: "roles", suffix: "role"},
	{name: "Settings", dir: "settings", suffix: "settings"},
	{name: "Report", dir: "reports", suffix: "report", folder: true},
	{name: "Dashboard", dir: "dashboards", suffix: "dashboard", folder: true},
	{name: "EmailTemplate", dir: "email", suffix: "email", folder: true, metaFile: true},
	{name: "Document", dir: "documents", suffix: "", folder: true, metaFile: true},
}

// folderTypes are the names under which folders themselves are listed.
var folderTypes = map[string]string{"ReportFolder": "Report", "DashboardFolder": "Dashboard", "EmailFolder": "EmailTemplate", "DocumentFolder": "Document"}

// folderType is the name under which a type's folders are listed.
func (t *metadataType) folderType() string {
	for name, of := range folderTypes {
		if of == t.name {
			return name
		}
	}
	return ""
}

func typeNamed(name string) *metadataType {
	for i, t := range metadataTypes {
		if t.name == name {
			return &metadataTypes[i]
		}
	}
	return nil
}

// typeOfPath finds the type and the full name that a package's file belongs to;
// meta says that it is a -meta.xml beside the component itself.
func typeOfPath(path string) (t *metadataType, fullName string, meta bool) {
	dir, rest, nested := strings.Cut(path, "/")
	if !nested {
		return nil, "", false
	}
	rest, meta = strings.CutSuffix(rest, "-meta.xml")
	for i := range metadataTypes {
		t := &metadataTypes[i]
		if t.dir != dir {
			continue
		}
		if t.suffix != "" {
			rest = strings.TrimSuffix(rest, "."+t.suffix)
		}
		return t, rest, meta
	}
	return nil, "", false
}

// file is the path of a component in a package.
func (t *metadataType) file(fullName string) string {
	if t.suffix == "" {
		return t.dir + "/" + fullName
	}
	return t.dir + "/" + fullName + "." + t.suffix
}
