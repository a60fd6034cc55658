package schema

import (
	"encoding/xml"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"
)

// Project is the part of an SFDX project that makes a schema, by object.
type Project struct {
	Objects map[string]*CustomObject
}

// ReadSource reads every objects folder below dir: *.object-meta.xml and the
// fields, validationRules and recordTypes beside it.
func ReadSource(dir fs.FS) (*Project, error) {
	s := &Project{Objects: map[string]*CustomObject{}}
	err := fs.WalkDir(dir, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && entry.Name() == "node_modules":
			return fs.SkipDir
		case entry.IsDir():
			return nil
		}
		object := objectOf(name)
		if object == "" {
			return nil
		}
		data, err := fs.ReadFile(dir, name)
		if err != nil {
			return err
		}
		if err := s.read(object, name, data); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
	return s, err
}

// objectOf is the object whose folder a source file lies in, "" for others.
func objectOf(name string) string {
	part := strings.Split(name, "/")
	for i, p := range part {
		if p == "objects" && i+2 < len(part) && strings.HasSuffix(name, "-meta.xml") {
			return part[i+1]
		}
	}
	return ""
}

func (s *Project) read(object, name string, data []byte) error {
	o := s.Objects[object]
	if o == nil {
		o = &CustomObject{}
		s.Objects[object] = o
	}
	base := path.Base(name)
	switch {
	case strings.HasSuffix(base, ".object-meta.xml"):
		fields, rules, types := o.Fields, o.ValidationRules, o.RecordTypes
		if err := xml.Unmarshal(data, o); err != nil {
			return err
		}
		o.Fields, o.ValidationRules, o.RecordTypes = append(o.Fields, fields...), append(o.ValidationRules, rules...), append(o.RecordTypes, types...)
	case strings.HasSuffix(base, ".field-meta.xml"):
		return appendXML(&o.Fields, data, "CustomField", "fields")
	case strings.HasSuffix(base, ".validationRule-meta.xml"):
		return appendXML(&o.ValidationRules, data, "ValidationRule", "validationRules")
	case strings.HasSuffix(base, ".recordType-meta.xml"):
		return appendXML(&o.RecordTypes, data, "RecordType", "recordTypes")
	case strings.HasSuffix(base, ".index-meta.xml"):
		return appendXML(&o.Indexes, data, "", "")
	}
	return nil
}

// appendXML reads a component whose element is named by its type as if it stood
// in its object's list.
func appendXML[T any](list *[]T, data []byte, element, inList string) error {
	var v T
	if element != "" {
		data = []byte(strings.NewReplacer("<"+element+" ", "<"+inList+" ", "<"+element+">", "<"+inList+">", "</"+element+">", "</"+inList+">").Replace(string(data)))
	}
	if err := xml.Unmarshal(data, &v); err != nil {
		return err
	}
	*list = append(*list, v)
	return nil
}

// ApplySource makes the objects first, then their fields, so that they may
// refer to each other in any order.
func (c *Catalogue) ApplySource(s *Project, at time.Time) error {
	bare := func(m *CustomObject) *CustomObject {
		b := *m
		b.Fields = nil
		return &b
	}
	for _, name := range sortedNames(s.Objects) {
		if m := s.Objects[name]; c.Get(name) == nil {
			if err := c.Apply(name, bare(m), at); err != nil {
				return err
			}
		}
	}
	for _, summaries := range []bool{false, true} {
		for _, name := range sortedNames(s.Objects) {
			m := bare(s.Objects[name])
			for _, f := range s.Objects[name].Fields {
				if (f.Type == "Summary") == summaries {
					m.Fields = append(m.Fields, f)
				}
			}
			if err := c.Apply(name, m, at); err != nil {
				return err
			}
		}
	}
	return nil
}
