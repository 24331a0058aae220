import { stringify } from 'yaml';

/** What every Kubernetes object has; builders give it its own fields. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

/** One file of YAML documents, in the order given; no anchors, and long texts as blocks. */
export function manifest(objects: readonly KubernetesObject[]): string {
  const documents = objects.map((object) => stringify(object, { lineWidth: 0, aliasDuplicateObjects: false }));
  return `# Written by Socle.\n${documents.join('---\n')}`;
}
