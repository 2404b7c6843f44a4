#ifndef CLI_BACKUP_H
#define CLI_BACKUP_H

/*
 * A backup is one tar file: manifest.json, which names what is in it with sizes and SHA-256; blobs.txt, the list of
 * stored files, whose names are their SHA-256; database.dump, as pg_dump writes it; key, which opens what is sealed in
 * the database; secrets/, the tokens that stood beside it; blobs/.
 */

#include "cli/cli.h"

#include <jansson.h>

enum { BACKUP_FORMAT = 1 };

/* Members of a backup besides manifest and blobs; what is not required may not be there. */
struct backup_member {
	const char *name;
	bool is_required;
};
extern const struct backup_member backup_members[]; /* ends with a NULL name */

/* psql, pg_dump and the like: those of the newest PostgreSQL here, or those in PATH. */
const char *backup_tool(struct arena *arena, const char *name);
/* What one statement answers, by psql. */
bool backup_ask(const char *database, const char *sql, struct arena *arena, struct str *ret, struct err *err);

#endif
