"""What the machine does when it boots: attaches the volume, installs the code from wheels, starts the server."""

from __future__ import annotations

DEVICE = "/dev/sdf"
PREFIX = "in/"
_DATA = "/var/lib/cis"

_SCRIPT = """#!/bin/bash
# Runs once, at the first boot; the mount and the service come again by themselves. The volume has one holder: whoever
# had it before has ended, or this waits for its end. Its files may be of a user with another number. It has
# ${VolumeSize} GB: when it gets more, this text is another, and so is the machine, which grows the file system.
set -euxo pipefail
export AWS_DEFAULT_REGION=${AWS::Region}
dnf -y -q install python3.11 unzip
token=$(curl -sf -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 300' http://169.254.169.254/latest/api/token)
me=$(curl -sf -H "X-aws-ec2-metadata-token: $token" http://169.254.169.254/latest/meta-data/instance-id)
for try in $(seq 60); do
  aws ec2 attach-volume --volume-id ${DataVolume} --instance-id "$me" --device ${Device} && break
  sleep 5
done
aws ec2 wait volume-in-use --volume-ids ${DataVolume}
disk=/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_$(echo ${DataVolume} | tr -d -)
for try in $(seq 60); do [ -e "$disk" ] && break; sleep 2; done
blkid "$disk" || mkfs.xfs "$disk"
mkdir -p DATA
echo "$disk DATA auto noatime,nofail 0 2" >> /etc/fstab
systemctl daemon-reload
mount DATA
xfs_growfs DATA
useradd --system --home-dir DATA --shell /sbin/nologin cis || true
chown -R cis:cis DATA && chmod 700 DATA
install -d -o root -g root /opt/cis
aws s3 cp s3://${CodeBucket}/${CodeKey} /opt/cis/code.zip
sha256sum /opt/cis/code.zip | grep -q "^$(basename ${CodeKey} .zip)"
unzip -q -o /opt/cis/code.zip -d /opt/cis
python3.11 -m venv /opt/cis/venv
/opt/cis/venv/bin/pip install -q --no-index --find-links /opt/cis/wheels -r /opt/cis/requirements.txt
cp -r /opt/cis/code/. "$(/opt/cis/venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
cat > /etc/cis.env <<'END'
CIS_DATA_DIR=DATA/data
CIS_DOMAIN=${DomainName}
CIS_OUTBOX=ses://${AWS::Region}?configuration_set=${ConfigurationSet}
CIS_INBOX=sqs://${Queue.QueueName}?region=${AWS::Region}&bucket=${Mail}&prefix=in/
CIS_ORGANIZERS=${Organizers}
CIS_EXPORT=${Export}
AWS_DEFAULT_REGION=${AWS::Region}
END
cat > /usr/local/bin/cis-mcp <<'END'
#!/bin/sh
set -a; . /etc/cis.quoted; set +a
exec setpriv --reuid cis --regid cis --init-groups /opt/cis/venv/bin/python -m cis_mcp "$@"
END
sed -e "s/=\\(.*\\)$/='\\1'/" /etc/cis.env > /etc/cis.quoted
chmod 755 /usr/local/bin/cis-mcp
cat > /etc/systemd/system/cis.service <<'END'
[Unit]
After=network-online.target
Wants=network-online.target
RequiresMountsFor=DATA
[Service]
User=cis
EnvironmentFile=/etc/cis.env
ExecStart=/opt/cis/venv/bin/python -m cis_mcp serve --http 127.0.0.1:8000
Restart=always
TimeoutStopSec=10
NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths=DATA
PrivateTmp=yes
[Install]
WantedBy=multi-user.target
END
systemctl daemon-reload
systemctl enable --now cis.service
"""


def user_data() -> str:
    """The boot script, for Fn::Sub: names in ${…} are resources and parameters of the template."""
    return _SCRIPT.replace("DATA", _DATA)
