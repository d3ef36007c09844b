package secrets

import (
	"bytes"
	"slices"
)

type getValueInput struct {
	SecretID     string `json:"SecretId"`
	VersionID    string `json:"VersionId"`
	VersionStage string
}

type getValueOutput struct {
	ARN, Name     string
	CreatedDate   *float64
	SecretString  *string  `json:",omitempty"`
	SecretBinary  []byte   `json:",omitempty"`
	VersionID     string   `json:"VersionId"`
	VersionStages []string `json:",omitempty"`
}

func (s *Store) getValue(in getValueInput) (getValueOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sec, err := s.find(in.SecretID)
	if err != nil {
		return getValueOutput{}, err
	}
	id, v, err := sec.choose(in.VersionID, in.VersionStage)
	if err != nil {
		return getValueOutput{}, err
	}
	return getValueOutput{
		ARN: sec.ARN, Name: sec.Name, CreatedDate: epoch(v.Created),
		SecretString: v.String, SecretBinary: v.Binary, VersionID: id, VersionStages: v.Stages,
	}, nil
}

// choose returns the version that a request names by its id, its label, or both. A
// request that names none gets AWSCURRENT. The version must have a value.
func (sec *secret) choose(id, label string) (string, *version, error) {
	what := "version: " + id
	v := sec.Versions[id]
	if id == "" {
		if label == "" {
			label = Current
		}
		what = "staging label: " + label
		id, v = sec.staged(label)
	}
	if v == nil || v.empty() {
		return "", nil, notFound("Secrets Manager can't find the specified secret value for " + what)
	}
	if label != "" && !slices.Contains(v.Stages, label) {
		return "", nil, invalidRequest("You provided a VersionStage that is not associated to the provided VersionId.")
	}
	return id, v, nil
}

type putValueInput struct {
	SecretID           string `json:"SecretId"`
	ClientRequestToken string
	SecretString       *string
	SecretBinary       []byte
	VersionStages      []string
}

type putValueOutput struct {
	ARN, Name     string
	VersionID     string `json:"VersionId"`
	VersionStages []string
}

func (in putValueInput) check() error {
	if (in.SecretString == nil) == (in.SecretBinary == nil) {
		return invalidParameter("You must provide either SecretString or SecretBinary.")
	}
	if n := len(in.ClientRequestToken); n != 0 && (n < 32 || n > 64) {
		return invalidParameter("ClientRequestToken must be 32-64 characters long.")
	}
	return nil
}

// putValue adds a version, or gives a pending version its value. The token is the id
// of the version. A repeated request with the same token changes nothing.
func (s *Store) putValue(in putValueInput) (out putValueOutput, err error) {
	if err := in.check(); err != nil {
		return out, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	sec, err := s.find(in.SecretID)
	if err != nil {
		return out, err
	}
	id := in.ClientRequestToken
	if id == "" {
		id = newToken()
	}
	out = putValueOutput{ARN: sec.ARN, Name: sec.Name, VersionID: id}
	if old := sec.Versions[id]; old != nil && !old.empty() {
		if !old.same(in) {
			return out, exists("A resource with the ID you requested already exists.")
		}
		out.VersionStages = old.Stages
		return out, nil
	}
	err = s.change(sec, func(next *secret) error {
		out.VersionStages = next.put(id, in, s)
		return nil
	})
	return out, err
}

func (v *version) same(in putValueInput) bool {
	if v.String == nil || in.SecretString == nil {
		return v.String == in.SecretString && bytes.Equal(v.Binary, in.SecretBinary)
	}
	return *v.String == *in.SecretString
}

// put writes the value of a version and moves the labels of the request to it. It
// returns all labels of the version.
func (sec *secret) put(id string, in putValueInput, s *Store) []string {
	v := sec.Versions[id]
	if v == nil {
		v = &version{}
		sec.Versions[id] = v
	}
	v.String, v.Binary, v.Created = in.SecretString, in.SecretBinary, s.Now()
	labels := in.VersionStages
	if len(labels) == 0 {
		labels = []string{Current}
	}
	for _, label := range labels {
		sec.move(label, id)
	}
	return v.Stages
}

type updateStageInput struct {
	SecretID            string `json:"SecretId"`
	VersionStage        string
	MoveToVersionID     string `json:"MoveToVersionId"`
	RemoveFromVersionID string `json:"RemoveFromVersionId"`
}

type named struct{ ARN, Name string }

// updateStage moves a label. The request must name the version that has the label
// now. So of two requests that move it away from the same version, one fails.
func (s *Store) updateStage(in updateStageInput) (named, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sec, err := s.find(in.SecretID)
	if err != nil {
		return named{}, err
	}
	if in.VersionStage == "" {
		return named{}, invalidParameter("You must provide VersionStage.")
	}
	has, _ := sec.staged(in.VersionStage)
	out := named{ARN: sec.ARN, Name: sec.Name}
	if in.MoveToVersionID != "" && has == in.MoveToVersionID && in.RemoveFromVersionID == "" {
		return out, nil
	}
	if has != in.RemoveFromVersionID {
		return out, invalidParameter("The parameter RemoveFromVersionId can't be empty or differ from the version that staging label " + in.VersionStage + " is currently attached to.")
	}
	if in.MoveToVersionID == "" {
		return out, s.unlabel(sec, in)
	}
	target := sec.Versions[in.MoveToVersionID]
	if target == nil {
		return out, notFound("Secrets Manager can't find the specified secret version: " + in.MoveToVersionID)
	}
	if target.empty() && in.VersionStage == Current {
		return out, invalidRequest("You can't make a version without a value " + Current + ".")
	}
	return out, s.change(sec, func(next *secret) error {
		next.move(in.VersionStage, in.MoveToVersionID)
		return nil
	})
}

// unlabel removes a label that no other version gets.
func (s *Store) unlabel(sec *secret, in updateStageInput) error {
	if in.RemoveFromVersionID == "" {
		return invalidParameter("You must provide MoveToVersionId or RemoveFromVersionId.")
	}
	if in.VersionStage == Current {
		return invalidParameter("You can only move staging label " + Current + " to a different secret version. It can't be completely removed.")
	}
	return s.change(sec, func(next *secret) error {
		next.Versions[in.RemoveFromVersionID].drop(in.VersionStage)
		return nil
	})
}
