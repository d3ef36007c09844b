package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/tipstaff/tipstaff/shared/contract"
)

// The context values that this app reads, given as `cdk -c name=value`.
const (
	// contextReview, when "true", leaves the code out.
	contextReview = "review"
	// contextCommit is the commit that `GET /health` reports.
	contextCommit = "commit"
)

// contextFlag is one of the feature flags of cdk.json, and proves that they were
// passed. Without them the same constructs get other logical ids.
const contextFlag = "@aws-cdk/core:defaultCrossStackReferences"

// Release is the deployed code and the commit that it was built from.
type Release struct {
	// Commit is "unknown" when it was not given.
	Commit string
	// binaries is the folder with one folder per function, empty in a review.
	binaries string
}

// readRelease reads the release from the context of app. It requires a binary of every
// function in folder binaries, unless this is a review.
func readRelease(app awscdk.App, binaries string) (Release, error) {
	node := app.Node()
	if node.TryGetContext(new(contextFlag)) == nil {
		return Release{}, errors.New("the feature flags of cdk.json are missing: run this through the CDK CLI (make synth)")
	}
	release := Release{Commit: "unknown"}
	if commit, ok := node.TryGetContext(new(contextCommit)).(string); ok && commit != "" {
		release.Commit = commit
	}
	if review, _ := node.TryGetContext(new(contextReview)).(string); review == "true" {
		return release, nil
	}
	release.binaries = binaries
	return release, checkBinaries(binaries)
}

// checkBinaries checks the file that Lambda will start. CDK would accept an empty
// folder, and its asset hash does not include the execute bit.
func checkBinaries(dir string) error {
	for _, f := range contract.Functions() {
		path := filepath.Join(dir, f.Name, "bootstrap")
		info, err := os.Stat(path)
		if err != nil {
			return fmt.Errorf("find the code of function %s: %w (build it with make handlers, or leave the code out with -c %s=true)",
				f.Name, err, contextReview)
		}
		if info.Mode().Perm()&0o111 == 0 {
			return fmt.Errorf("find the code of function %s: %s is not executable", f.Name, path)
		}
	}
	return nil
}

// code returns the code of function f. In a review it names an object that cannot
// exist, so that the templates of a review cannot be deployed by accident.
func (r Release) code(scope constructs.Construct, f contract.Function) awslambda.Code {
	if r.binaries != "" {
		return awslambda.Code_FromAsset(new(filepath.Join(r.binaries, f.Name)), nil)
	}
	awscdk.Annotations_Of(scope).AcknowledgeWarning(
		new("@aws-cdk/aws-lambda:codeFromBucketObjectVersionNotSpecified"), new("the code is no part of a review"))
	bucket := awss3.Bucket_FromBucketName(scope, new("Code"), awscdk.Fn_Sub(new(assetBucket), nil))
	return awslambda.Code_FromBucketV2(bucket, new(strings.Repeat("0", 64)+".zip"), nil)
}

// assetBucket is the bucket that the CDK CLI uploads code to: that of `cdk bootstrap`.
const assetBucket = "cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}"
