/** Namespaces of the relay, as unshare(1) and nsenter(1) name them. */
export const RELAY_FLAGS = {
  unshare: ['--mount', '--pid', '--net', '--ipc', '--uts', '--propagation', 'private'],
  nsenter: ['-m', '-p', '-n', '-i', '-u', '-r', '-w'],
} as const;

/**
 * The first process of the relay. $1 is the lab's folder, which stays visible under its own path.
 * Everything that is written goes to a tmpfs that only these namespaces know.
 */
export const RELAY_INIT = `set -e; folder=$1; base=$folder/relay
mkdir "$base"; mount -t tmpfs -o mode=0755 tmpfs "$base"
cd "$base"; mkdir up work root
mount -t overlay overlay -o "lowerdir=/,upperdir=$base/up,workdir=$base/work" root
cd root
mount -t proc proc proc
mount --rbind /dev dev
mount -t tmpfs -o mode=1777 tmpfs dev/shm
for dir in tmp var/tmp; do mount -t tmpfs -o mode=1777 tmpfs $dir; done
for dir in run var/log; do mount -t tmpfs -o mode=0755 tmpfs $dir; done
mkdir -p run/sshd run/lock var/log/nginx ".$folder"
mount --bind "$folder" ".$folder"
rm -f etc/ssh/ssh_host_* etc/nginx/sites-enabled/* etc/ssh/sshd_config.d/* etc/nginx/conf.d/*
[ ! -f usr/share/openssh/sshd_config ] || cp usr/share/openssh/sshd_config etc/ssh/sshd_config
rm -rf etc/nginx/postern.d etc/nginx/modules-enabled/99-postern.conf etc/ssh/postern var/lib/postern
echo "$folder" >run/postern-lab
hostname relay
sysctl -qw net.ipv4.ip_forward=1
echo ready
exec 3<&0
exec chroot . sh -c 'cat <&3 >/dev/null & wait $!'
`;
