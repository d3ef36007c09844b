#!/bin/sh
# Compares a synthesized assembly with committed templates, as `cdk diff` does
# with deployed stacks, but without an AWS account. It prints every difference
# and fails when one broadens a permission or, in a data stack, replaces,
# deletes or orphans a resource.
#
#	CLI="command of the CDK CLI" infra/diff.sh ASSEMBLY SNAPSHOTS
#
# (The CLI reads every variable whose name begins with CDK as an option.)
# A service stack may replace: every change of a function is a new version.
set -eu

assembly=$1 snapshots=$2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
echo '{}' >"$scratch/new"
status=0

# differ STACK FLAGS: the answer of the CLI goes to $scratch/answer.
differ() {
	# shellcheck disable=SC2086 # CLI is a command with its arguments.
	NO_COLOR=1 $CLI diff --app "$assembly" --exclusively --template "$snapshot" "$@" >"$scratch/answer" 2>&1
}

for template in "$assembly"/*.template.json; do
	stack=$(basename "$template" .template.json)
	snapshot=$snapshots/$stack.template.json
	test -f "$snapshot" || snapshot=$scratch/new

	# The CLI takes one kind of change to fail on, so a data stack that differs
	# is looked at twice.
	case $stack in
	*-data) forbidden=destructive ;;
	*) forbidden=broadening ;;
	esac
	failed=
	differ "$stack" --fail-on "$forbidden" || failed=$forbidden
	if test -z "$failed" && grep -q 'There were no differences' "$scratch/answer"; then
		echo "$stack: no differences"
		continue
	fi
	cat "$scratch/answer"
	if test $forbidden = destructive && ! differ "$stack" --security-only --fail-on broadening; then
		failed="$failed broadening"
	fi
	if test -n "$failed"; then
		echo "$stack: refused because of what it changes:" $failed
		status=1
	fi
done

for snapshot in "$snapshots"/*.template.json; do
	stack=$(basename "$snapshot" .template.json)
	if ! test -f "$assembly/$stack.template.json"; then
		echo "$stack: the whole stack is gone"
		status=1
	fi
done
exit $status
