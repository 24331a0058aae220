/**
 * The one lock of what a platform downloads: version, official address and SHA-256, as the release's own
 * `sha256sum-amd64.txt` gives it. Names are those of the artifact mirror.
 */
const version = 'v1.36.3+k3s1';
const release = `https://github.com/k3s-io/k3s/releases/download/${encodeURIComponent(version)}`;

export const lock = {
  k3s: {
    version,
    url: `${release}/k3s`,
    sha256: '2f98a9f8fe5782479ee2d54e70a1b10a7f6fd4cae8d38ed3098452dc6eed76b5',
  },
  'images/k3s-airgap-images-amd64.tar.zst': {
    version,
    url: `${release}/k3s-airgap-images-amd64.tar.zst`,
    sha256: 'a197d79e979cc3f4fa9bca8f500bd70092b25c1b5ebda68b35a25f792abd42b0',
  },
} as const;

/** Images that Socle's own manifests name; they are in the archive above. */
export const images = {
  localPathProvisioner: 'docker.io/rancher/local-path-provisioner:v0.0.36',
  busybox: 'docker.io/rancher/mirrored-library-busybox:1.37.0',
} as const;
