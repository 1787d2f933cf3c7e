#include "db/dbopen.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/say.h"
#include "db/db_psl.h"
#include "db/migrate.h"
#include "db/pgexec.h"

static enum err_code read_dsn(const struct dbopen_options *options, char **dsn, struct err *why)
{
    const char *key = options->key != NULL ? options->key : "db.dsn";
    const char *file = options->dsn_file;
    char text[CLUSTER_DSN_MAX];
    FILE *in = fopen(file, "re");
    if (in == NULL)
        return err_set(why, ERR_CONFIG, "%s_file: %s: %s", key, file, strerror(errno));
    size_t len = fread(text, 1, sizeof text - 1, in);
    bool whole = ferror(in) == 0 && feof(in) != 0;
    (void)fclose(in);
    if (!whole)
        return err_set(why, ERR_CONFIG, "%s_file: %s: can not be read, or is too long", key, file);
    while (len > 0 && strchr(" \t\r\n", text[len - 1]) != NULL)
        len--;
    text[len] = '\0';
    if (len == 0)
        return err_set(why, ERR_CONFIG, "%s_file: %s: is empty; write the connection string into it", key,
                       file);
    *dsn = strdup(text);
    return *dsn != NULL ? ERR_OK : err_set(why, ERR_MEMORY, "%s_file: no memory", key);
}

static bool given(const char *text)
{
    return text != NULL && text[0] != '\0';
}

static enum err_code find_dsn(const struct dbopen_options *options, struct dbopen *db, struct err *why)
{
    if (!given(options->dsn) && given(options->dsn_file))
        return read_dsn(options, &db->dsn, why);
    if (!given(options->dsn)) {
        enum err_code code = cluster_use(options->state_dir, options->program, &db->cluster, why);
        if (code != ERR_OK)
            return code;
    }
    db->dsn = strdup(db->cluster != NULL ? cluster_dsn(db->cluster) : options->dsn);
    return db->dsn != NULL ? ERR_OK : err_set(why, ERR_MEMORY, "database: no memory");
}

/* People have several places for it, and look into the wrong one. */
static void say_where_from(const struct dbopen_options *options, enum err_code code, struct err *why)
{
    const char *key = options->key != NULL ? options->key : "db.dsn";
    if (code == ERR_CONFIG) { /* names the key itself, as if it was db.dsn */
        if (options->key != NULL)
            (void)err_prefix(why, "%s", key);
        return;
    }
    if (given(options->dsn))
        (void)err_prefix(why, "%s (given by %s)", key,
                         options->dsn_from != NULL ? options->dsn_from : "caller");
    else if (given(options->dsn_file))
        (void)err_prefix(why, "%s_file %s", key, options->dsn_file);
}

static enum err_code connect_to(const struct dbopen_options *options, struct dbopen *db, struct err *why)
{
    return options->reads && db->cluster == NULL ? pgconn_open_reader(db->dsn, &db->conn, why)
                                                 : pgconn_open(db->dsn, &db->conn, why);
}

/* Nobody asked for it by name, and an older program that runs stores nothing more from now on. */
static void say_migrated(struct pgconn *conn, unsigned applied)
{
    int64_t all = 0;
    if (applied != 0 &&
        pgexec_number(conn, "SELECT count(*) FROM schema_migration", &PGEXEC_NO_ARGS, &all, NULL) == ERR_OK &&
        all > applied)
        say_info("db", "the schema of the private database was brought up to this program, steps: %u",
                 applied);
}

enum err_code dbopen_open(const struct dbopen_options *options, struct dbopen *db, struct err *why)
{
    unsigned applied;
    *db = (struct dbopen){0};
    enum err_code code = find_dsn(options, db, why);
    if (code == ERR_OK && (code = connect_to(options, db, why)) != ERR_OK)
        say_where_from(options, code, why);
    if (code == ERR_OK && options->look)
        return ERR_OK;
    if (code == ERR_OK && (db->cluster != NULL || options->migrate)) {
        code = migrate_run(db->conn, &applied, why);
        if (code == ERR_OK && db->cluster != NULL)
            say_migrated(db->conn, applied);
        if (code == ERR_OK)
            code = db_psl_install(db->conn, NULL, why);
    } else if (code == ERR_OK) {
        code = migrate_check(db->conn, why);
    }
    if (code == ERR_OK)
        code = db_psl_activate(db->conn, why);
    if (code != ERR_OK)
        dbopen_close(db);
    return code;
}

enum err_code dbopen_check(const struct dbopen_options *options, struct err *why)
{
    char *dsn = NULL;
    enum err_code code = ERR_OK;
    if (given(options->dsn)) {
        code = pgconn_check(options->dsn, why);
        return code == ERR_OK || options->key == NULL ? code : err_prefix(why, "%s", options->key);
    }
    if (!given(options->dsn_file))
        return ERR_OK;
    if ((code = read_dsn(options, &dsn, why)) == ERR_OK && pgconn_check(dsn, why) != ERR_OK)
        code =
            err_prefix(why, "%s_file: %s", options->key != NULL ? options->key : "db.dsn", options->dsn_file);
    free(dsn);
    return code;
}

enum err_code dbopen_keep(struct dbopen *db, struct err *why)
{
    return db->cluster != NULL ? cluster_keep(db->cluster, why) : ERR_OK;
}

void dbopen_close(struct dbopen *db)
{
    pgconn_free(db->conn);
    cluster_release(db->cluster);
    free(db->dsn);
    *db = (struct dbopen){0};
}
