package cfn

import (
	"errors"
	"fmt"
)

// secrets reads the secrets. A secret has a literal value, a rule that makes
// one up, or none until somebody puts one.
func (r *reader) secrets(s *Stage) error {
	return r.each(func(res *resource) error {
		p := r.properties(res)
		secret := Secret{Name: p.name(), Description: p.text("Description", "")}
		secret.ARN = r.place.SecretARN(secret.Name)
		if _, ok := p.value("SecretString"); ok {
			secret.Value = new(p.text("SecretString", ""))
		}
		if _, ok := p.value("GenerateSecretString"); ok {
			secret.Generate = &Generate{}
			p.into("GenerateSecretString", secret.Generate)
		}
		if secret.Value != nil && secret.Generate != nil {
			p.fail("SecretString", errors.New("it excludes GenerateSecretString"))
		}
		s.Secrets = append(s.Secrets, secret)
		return p.err
	}, typeSecret)
}

func (r *reader) rotations(s *Stage) error {
	return r.each(func(res *resource) error {
		p := r.properties(res)
		var rules struct {
			AutomaticallyAfterDays int
			ScheduleExpression     string
		}
		p.into("RotationRules", &rules)
		rotation := Rotation{
			Secret:      p.required("SecretId"),
			FunctionARN: p.required("RotationLambdaARN"),
			Days:        rules.AutomaticallyAfterDays,
			Schedule:    rules.ScheduleExpression,
			Immediately: p.text("RotateImmediatelyOnUpdate", "true") == "true",
		}
		if p.err == nil {
			var err error
			if rotation.Function, _, err = s.target(rotation.FunctionARN); err != nil {
				p.fail("RotationLambdaARN", err)
			}
			if err = s.knowsSecret(rotation.Secret); err != nil {
				p.fail("SecretId", err)
			}
		}
		s.Rotations = append(s.Rotations, rotation)
		return p.err
	}, typeSchedule)
}

func (s *Stage) knowsSecret(arn string) error {
	for _, secret := range s.Secrets {
		if secret.ARN == arn {
			return nil
		}
	}
	return fmt.Errorf("no template that was read declares secret %q", arn)
}
