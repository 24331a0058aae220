/** The action of the audit trail, by which the status knows when the last copy of the cluster was made. */
export const saveAction = 'cluster.snapshot';
