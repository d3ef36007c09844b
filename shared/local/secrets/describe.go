package secrets

type secretIDInput struct {
	SecretID string `json:"SecretId"`
}

type rotationRules struct{ AutomaticallyAfterDays int }

// description is the part that DescribeSecret and ListSecrets return of a secret.
type description struct {
	ARN, Name         string
	Description       string `json:",omitempty"`
	CreatedDate       *float64
	LastChangedDate   *float64
	LastRotatedDate   *float64 `json:",omitempty"`
	RotationEnabled   bool
	RotationLambdaARN string         `json:",omitempty"`
	RotationRules     *rotationRules `json:",omitempty"`
}

type describeOutput struct {
	description
	VersionIDsToStages map[string][]string `json:"VersionIdsToStages,omitempty"`
}

// describeSecret describes a secret without its values. The caller holds mu.
func (s *Store) describeSecret(sec *secret) description {
	d := description{
		ARN: sec.ARN, Name: sec.Name, Description: sec.Description,
		CreatedDate: epoch(sec.Created), LastChangedDate: epoch(sec.Changed), LastRotatedDate: epoch(sec.Rotated),
	}
	if r := s.rotations[sec.Name]; r != nil {
		d.RotationEnabled = true
		d.RotationLambdaARN = r.FunctionARN
		d.RotationRules = &rotationRules{AutomaticallyAfterDays: r.Days}
	}
	return d
}

// labelled returns the versions that have a label. AWS does not show the others.
func (sec *secret) labelled() map[string][]string {
	stages := map[string][]string{}
	for id, v := range sec.Versions {
		if len(v.Stages) > 0 {
			stages[id] = v.Stages
		}
	}
	return stages
}

func (s *Store) describe(in secretIDInput) (describeOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sec, err := s.find(in.SecretID)
	if err != nil {
		return describeOutput{}, err
	}
	return describeOutput{description: s.describeSecret(sec), VersionIDsToStages: sec.labelled()}, nil
}

type listEntry struct {
	description
	SecretVersionsToStages map[string][]string `json:",omitempty"`
}

type listOutput struct{ SecretList []listEntry }

// list returns all secrets in one page. A stage has few of them.
func (s *Store) list(struct{}) (listOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := listOutput{SecretList: []listEntry{}}
	for _, name := range s.names() {
		sec := s.secrets[name]
		out.SecretList = append(out.SecretList, listEntry{description: s.describeSecret(sec), SecretVersionsToStages: sec.labelled()})
	}
	return out, nil
}
