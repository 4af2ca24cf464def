#!/usr/bin/env bash
# Proves on a real account, in about an hour, what no test here can reach; docs/aws.md says what each step proves.
#   deploy/prove-on-aws.sh REGION DOMAIN ALARM_EMAIL [ZONE]
# Needs the AWS CLI 2, signed in as somebody who may install, and cis-mcp. DOMAIN receives no other mail.
# It makes a stack of its own, “prove-prod”, and takes it away at its end, however it ends, with all its data; KEEP=yes
# leaves it there. It costs about 3 US cents an hour while it stands, and about $19 a month if you leave it. It asks
# before it begins; YES=yes answers. What it saw is in prove-on-aws.log, which has no secrets.
set -euo pipefail
region=${1:?REGION DOMAIN ALARM_EMAIL [ZONE]} domain=${2:?DOMAIN} email=${3:?ALARM_EMAIL} zone=${4:-}
project=${DEPLOYMENT_NAME:-prove} stack=${DEPLOYMENT_NAME:-prove}-prod
place=(--region "$region" --domain-name "$domain" --project "$project" --environment prod)
place+=(--alarm-email "$email" ${zone:+--zone "$zone"})
export AWS_PAGER= AWS_REGION=$region AWS_DEFAULT_REGION=$region
proved=() missed=() made='' had_code=''
exec > >(tee -i prove-on-aws.log) 2>&1

say() { printf '%s\n' "$*"; }
step() { printf '\n== %s (minute %s)\n' "$1" $((SECONDS / 60)); }
prove() { # TEXT COMMAND…: what the command shows if it goes well
    local what=$1
    shift
    if "$@"; then
        proved+=("$what")
    else
        missed+=("$what")
        say "NOT PROVED: $what"
    fi
}
ended() {
    local code=$?
    trap - EXIT INT TERM
    set +e
    if [ "$made" ]; then gone; fi
    step "what was proved"
    for one in ${proved[@]+"${proved[@]}"}; do say "proved      $one"; done
    for one in ${missed[@]+"${missed[@]}"}; do say "NOT PROVED  $one"; done
    [ "$code" = 0 ] && [ ${#missed[@]} -gt 0 ] && code=1
    exit "$code"
}
gone() { # takes away what this script made, unless KEEP says otherwise
    if [ "${KEEP:-}" = yes ]; then
        say "The installation stays and costs about \$19 a month. Take it away: cis-mcp aws destroy ${place[*]} --yes --data"
        return
    fi
    step "taken away"
    prove "destroy takes the stack and its data away" cis-mcp aws destroy "${place[@]}" --yes --data
    if [ ! "$had_code" ]; then aws s3 rb --region "$region" "s3://$code_bucket" --force >/dev/null || true; fi
    prove "nothing that costs is left: neither stack, machine nor volume" nothing_left
    prove "the active rule set is the one that was active before" same_rules
}
nothing_left() {
    ! aws cloudformation describe-stacks --region "$region" --stack-name "$stack" >/dev/null 2>&1 &&
        [ "$(aws ec2 describe-volumes --region "$region" --filters "Name=tag:cis,Values=$stack" \
            Name=status,Values=creating,available,in-use --query 'length(Volumes)' --output text)" = 0 ] &&
        [ "$(aws ec2 describe-instances --region "$region" --filters "Name=tag:cis,Values=$stack" \
            Name=instance-state-name,Values=pending,running,stopped --query 'length(Reservations)' --output text)" = 0 ]
}
active_rules() {
    aws ses describe-active-receipt-rule-set --region "$region" --query Metadata.Name --output text
}
same_rules() { [ "$(active_rules)" = "$rules" ]; }
machine() { # the id of the instance that is in service, or None
    aws autoscaling describe-auto-scaling-groups --region "$region" --filters "Name=tag:cis,Values=$stack" \
        --query "AutoScalingGroups[].Instances[?LifecycleState=='InService'][].InstanceId | [0]" --output text
}
there() { # COMMAND: runs it on the machine, by Session Manager's agent; it has neither " nor \ in it
    local id='' at='' state='' try
    for try in $(seq 60); do
        at=$(machine)
        id=$(aws ssm send-command --region "$region" --instance-ids "$at" --document-name AWS-RunShellScript \
            --parameters "{\"commands\":[\"$1\"]}" --query Command.CommandId --output text 2>/dev/null) && break
        sleep 10
    done
    [ "$id" ] || return 1
    for try in $(seq 90); do
        sleep 10
        state=$(aws ssm get-command-invocation --region "$region" --command-id "$id" --instance-id "$at" \
            --query Status --output text 2>/dev/null || true)
        case $state in Success | Failed | TimedOut | Cancelled) break ;; esac
    done
    aws ssm get-command-invocation --region "$region" --command-id "$id" --instance-id "$at" \
        --query '[StandardOutputContent,StandardErrorContent]' --output text || true
    [ "$state" = Success ]
}
unchanged() { # an update that has nothing to do says so
    cis-mcp aws deploy "${place[@]}" --yes | tee prove-deploy.txt
    grep -q 'The stack is as it should be' prove-deploy.txt
}
mailed() { # an event by mail to create@, from an address of the domain, which SES signs
    local raw
    raw=$(printf '%s\r\n' "From: prove@$domain" "To: create@$domain" 'Subject: Prove' 'MIME-Version: 1.0' \
        'Content-Type: text/calendar; method=REQUEST; charset=utf-8' '' BEGIN:VCALENDAR 'PRODID:-//prove//EN' \
        VERSION:2.0 METHOD:REQUEST BEGIN:VEVENT "UID:$uid" DTSTAMP:20270101T000000Z DTSTART:20370502T190000Z \
        DTEND:20370502T200000Z SUMMARY:Prove "ORGANIZER:mailto:prove@$domain" \
        "ATTENDEE;RSVP=TRUE:mailto:create@$domain" END:VEVENT END:VCALENDAR | base64 | tr -d '\n')
    aws sesv2 send-email --region "$region" --content "{\"Raw\":{\"Data\":\"$raw\"}}" >/dev/null &&
        there "for try in \$(seq 30); do $cis record export | grep -q $uid && exit 0; sleep 5; done; $cis quarantine list; exit 1"
}
restarted() { # a restart of the same machine
    aws ec2 reboot-instances --region "$region" --instance-ids "$(machine)" && sleep 90 &&
        there "findmnt $data && curl -fsS --retry 10 --retry-connrefused http://127.0.0.1:8000/healthz"
}
replaced() { # the machine ended for good, and its successor
    local before try
    before=$(machine)
    aws autoscaling terminate-instance-in-auto-scaling-group --region "$region" --instance-id "$before" \
        --no-should-decrement-desired-capacity >/dev/null || return 1
    for try in $(seq 60); do
        sleep 20
        case $(machine) in "$before" | None) ;; *) break ;; esac
    done
    there "cloud-init status --wait >/dev/null; $cis key list | grep -q prove && $cis record export | grep -q $uid && $cis check"
}

cis=/usr/local/bin/cis-mcp data=/var/lib/cis uid="prove-$(date +%s)@$domain"
step "0 what is needed"
aws --version | grep -q 'aws-cli/2' || { say "The AWS CLI 2 is needed."; exit 2; }
account=$(aws sts get-caller-identity --query Account --output text)
code_bucket="cis-code-$account-$region"
cis-mcp --version
if aws cloudformation describe-stacks --region "$region" --stack-name "$stack" >/dev/null 2>&1; then
    say "$stack is there already, and this script would take it away. Give another name: DEPLOYMENT_NAME=prove2"
    exit 2
fi
if aws s3api head-bucket --bucket "$code_bucket" >/dev/null 2>&1; then had_code=yes; fi
rules=$(active_rules)
say "On account $account this makes $stack for $domain: a t4g.small, 20 GB, a bucket, queues and alarms, an SES identity."
say "About 3 US cents an hour, and a tenth of a cent for mail. At the end all of it is taken away, unless KEEP=yes."
if [ "${YES:-}" != yes ]; then
    read -r -p 'Go on? [y/N] ' answer
    [ "$answer" = y ] || exit 2
fi
trap ended EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

step "1 preflight, change sets, code"
made=yes
prove "preflight passes, and the installer's rights are enough for bucket, queues, identity, rule, code and machine" \
    cis-mcp aws full "${place[@]}" --yes --wait 0
if [ ${#missed[@]} -gt 0 ]; then exit 1; fi
step "2 the records are seen, and the machine verifies itself; enter the records above now"
prove "DKIM and MAIL FROM are seen; by the machine's own rights mail leaves, bounce and complaint come back, the nine steps" \
    cis-mcp aws full "${place[@]}" --yes --wait 60
step "3 the boot script ended, and the server answers"
prove "the boot script ended without an error, the volume is mounted, the server answers" \
    there "cloud-init status --wait && findmnt $data && curl -fsS http://127.0.0.1:8000/healthz && $cis check"
step "4 mail in"
prove "a mail to create@$domain came by rule, bucket, topic and queue, and SES's own results made it an event" mailed
step "5 an update that changes nothing"
prove "an update that changes nothing touches nothing" unchanged
step "6 the machine starts again"
prove "after a restart the volume is mounted and the server answers" restarted
step "7 the machine is ended"
prove "a key is made on the machine" there "$cis key create --name prove --for prove@$domain >/dev/null"
prove "the successor has the volume with its key and its event, and everything adds up" replaced
step "8 what would be taken away, and what stays"
cis-mcp aws destroy "${place[@]}"
if [ "${YES:-}" != yes ]; then
    say "By hand now: invite an address at Gmail, Outlook and iCloud, save what arrived, answer from each (docs/aws.md)."
    read -r -p 'Enter takes all away; “keep” leaves it there: ' answer
    if [ "$answer" = keep ]; then KEEP=yes; fi
fi
