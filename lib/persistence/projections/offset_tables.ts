/** The version of the tables of offsets in SQL stores; apart from those of journals. */
export const offsetTablesVersion = 1;
