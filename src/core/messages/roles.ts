/** What a message is for. `update` tells a manager that the submitter's address was corrected. */
export const roles = ['confirmation', 'notification', 'update', 'alarm'] as const
export type Role = (typeof roles)[number]
