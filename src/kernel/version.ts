import description from '../../package.json' with { type: 'json' };

/** Version of this Socle. */
export const socleVersion: string = description.version;
