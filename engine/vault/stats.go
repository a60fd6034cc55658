package vault

import (
	"context"

	"github.com/holdfast-backup/holdfast/ent/vaultfile"
)

// Stats is what an org's vault holds and takes, by its manifest.
type Stats struct {
	Runs, Segments, Objects, Files int
	Live, Versions                 int64
	Bytes, FileBytes               int64
	Levels                         map[int]int // segments by level
}

// Stats adds an org's vault up.
func (v *Vault) Stats(ctx context.Context, orgID string) (Stats, error) {
	s, err := v.stats(ctx, orgID)
	return s, fault("add up", orgID, err)
}

func (v *Vault) stats(ctx context.Context, orgID string) (s Stats, err error) {
	vw, err := v.view(ctx, orgID)
	if err != nil {
		return s, err
	}
	objects, err := v.Objects(ctx, orgID)
	if err != nil {
		return s, err
	}
	segments, err := v.liveSegments(ctx, orgID)
	if err != nil {
		return s, err
	}
	s = Stats{Runs: len(vw.runs), Segments: len(segments), Objects: len(objects), Levels: map[int]int{}}
	for _, o := range objects {
		s.Live += o.Live
		s.Versions += o.Versions
	}
	for _, seg := range segments {
		s.Bytes += seg.Size
		s.Levels[seg.Level]++
	}
	files, err := v.db.VaultFile.Query().Where(vaultfile.OrgID(orgID)).Select(vaultfile.FieldSize).All(ctx)
	for _, f := range files {
		s.Files++
		s.FileBytes += f.Size
	}
	return s, err
}
