#!/usr/bin/env bash
# Closes on a real account, in about an hour, what no test here can reach: docs/aws.md says what each step proves.
#   deploy/prove-on-aws.sh REGION DOMAIN ALARM_EMAIL [ZONE]
# Leaves the installation there. What it saw is in prove-on-aws.log; take it away with “cis-mcp aws destroy … --yes --data”.
set -euo pipefail
region=${1:?REGION DOMAIN ALARM_EMAIL [ZONE]} domain=${2:?DOMAIN} email=${3:?ALARM_EMAIL} zone=${4:-}
place=(--region "$region" --domain-name "$domain" --alarm-email "$email" ${zone:+--zone "$zone"})
stack=${DEPLOYMENT_NAME:-cis}-${APP_ENVIRONMENT:-prod}
exec > >(tee prove-on-aws.log) 2>&1

step() { printf '\n== %s (minute %s)\n' "$1" $((SECONDS / 60)); }
machine() {
    aws cloudformation describe-stack-resources --region "$region" --stack-name "$stack" \
        --query "StackResources[?ResourceType=='AWS::AutoScaling::AutoScalingGroup'].PhysicalResourceId" --output text |
        xargs aws autoscaling describe-auto-scaling-groups --region "$region" --auto-scaling-group-names \
            --query 'AutoScalingGroups[0].Instances[0].InstanceId' --output text
}
there() { # runs a command on the machine, by Session Manager's agent
    local id
    id=$(aws ssm send-command --region "$region" --instance-ids "$(machine)" --document-name AWS-RunShellScript \
        --parameters commands="[\"$1\"]" --query Command.CommandId --output text)
    aws ssm wait command-executed --region "$region" --command-id "$id" --instance-id "$(machine)" || true
    aws ssm get-command-invocation --region "$region" --command-id "$id" --instance-id "$(machine)" \
        --query '[Status,StandardOutputContent,StandardErrorContent]' --output text
}

step "1 preflight, stack, machine"
cis-mcp aws full "${place[@]}" --yes
step "2 the DNS is seen by SES"
until cis-mcp aws preflight "${place[@]}" --json | grep -q '"name": "ses_identity", "mark": "OK"'; do sleep 60; done
step "3 the boot script ended, and the server answers"
there 'journalctl -u cis -n 50 --no-pager; curl -fsS http://127.0.0.1:8000/healthz'
step "4 mail out, bounce and complaint by the simulator, the nine steps"
there 'cis-mcp verify --json'
step "5 an update changes nothing that it should not"
cis-mcp aws deploy "${place[@]}" --yes
step "6 the machine is ended; its successor has the volume"
before=$(machine)
aws autoscaling terminate-instance-in-auto-scaling-group --region "$region" --instance-id "$before" \
    --no-should-decrement-desired-capacity >/dev/null
until [ "$(machine)" != "$before" ] && [ "$(machine)" != None ]; do sleep 20; done
sleep 120
there 'cis-mcp check'
step "7 what would be taken away, and what stays"
cis-mcp aws destroy "${place[@]}"
step "By hand now: invite an address at Gmail, Outlook and iCloud, save what arrived, answer from each (docs/aws.md)"
