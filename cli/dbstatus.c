#include "cli/dbstatus.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "cli/dbill.h"
#include "cli/nodeview.h"
#include "cli/placeview.h"
#include "db/db_load.h"
#include "db/db_place.h"
#include "db/db_psl.h"
#include "db/db_unread.h"
#include "db/dbopen.h"
#include "db/migrate.h"

#define DBSTATUS_COLUMNS 80
#define DBSTATUS_INDENT  10
#define DBSTATUS_LINE    1024

/* What a look finds. */
struct dbstatus {
    struct migrate_status schema;
    struct err misfit; /* the schema is another program's */
    struct db_psl_state psl;
    bool has_psl;
    struct db_stat stat;
    struct err blind; /* why not all of it could be read */
    struct replica_state replica;
    struct scaleout_state spread;
    struct db_unread *unread; /* logs that expiry waits for */
    size_t unread_count;
    int64_t bad_values;  /* that a backfill put down: of */
    int64_t bad_entries; /* so many, to be read again */
    int64_t bad_buckets; /* of places in logs; 0: none that is known */
    struct db_place_level levels[DB_PLACE_LEVELS_MAX];
    size_t level_count;
};

static void dbstatus_row(const char *label, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* A label and words, wrapped at 80 columns; a word that is longer stands alone. */
static void dbstatus_row(const char *label, const char *fmt, ...)
{
    char raw[DBSTATUS_LINE];
    char text[2 * DBSTATUS_LINE];
    va_list args;
    size_t column = DBSTATUS_INDENT;

    va_start(args, fmt);
    (void)vsnprintf(raw, sizeof raw, fmt, args);
    va_end(args);
    (void)text_visible_str(span_str(raw), text, sizeof text);
    printf("%-*s", DBSTATUS_INDENT, label);
    for (const char *at = text; *at != '\0';) {
        size_t word = strcspn(at, " ");
        if (column > DBSTATUS_INDENT && column + 1 + word > DBSTATUS_COLUMNS) {
            printf("\n%*s", DBSTATUS_INDENT, "");
            column = DBSTATUS_INDENT;
        } else if (column > DBSTATUS_INDENT) {
            printf(" ");
            column++;
        }
        printf("%.*s", (int)word, at);
        column += word;
        at += word;
        at += strspn(at, " ");
    }
    printf("\n");
}

static const char *dbstatus_size(int64_t bytes, char out[16])
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    double value = (double)bytes;
    size_t unit = 0;

    while (value >= 1000 && unit + 1 < countof(units)) {
        value /= 1000;
        unit++;
    }
    (void)snprintf(out, 16, unit == 0 || value >= 100 ? "%.0f %s" : "%.1f %s", value, units[unit]);
    return out;
}

static const char *dbstatus_day(int64_t unix_ms, char out[TEXT_TIME_MAX])
{
    if (unix_ms == DB_STAT_NO_TIME)
        return "never";
    (void)text_time(unix_ms, false, out);
    out[strcspn(out, "T")] = '\0';
    return out;
}

static const char *dbstatus_time(int64_t unix_ms, char out[TEXT_TIME_MAX])
{
    return unix_ms == DB_STAT_NO_TIME ? "never" : text_time(unix_ms / 1000 * 1000, false, out);
}

/* A database that others work with may be locked, half made, or another version's: what can be said is said.
 */
static void dbstatus_look(struct pgconn *conn, struct dbstatus *found)
{
    struct err ignored = {0};

    (void)memset(found, 0, sizeof *found);
    if (migrate_status(conn, &found->schema, &found->misfit) == ERR_OK && found->schema.pending == 0)
        found->has_psl = db_psl_look(conn, NULL, &found->psl, &ignored) == ERR_OK;
    /* Of a database without a schema there is nothing to be read yet. */
    if (db_stat_read(conn, &found->stat, &found->blind) == ERR_OK || found->schema.applied == 0)
        err_clear(&found->blind);
    err_clear(&ignored);
    if (replica_look(conn, &found->replica, &ignored) != ERR_OK)
        found->replica = (struct replica_state){.replica = false};
    err_clear(&ignored);
    if (found->has_psl && db_unread_noted(conn, &found->unread, &found->unread_count, &ignored) != ERR_OK)
        found->unread_count = 0;
    err_clear(&ignored);
    if (found->has_psl && db_place_bad(conn, &found->bad_buckets, &ignored) != ERR_OK)
        found->bad_buckets = 0;
    err_clear(&ignored);
    if (found->has_psl && db_load_bad(conn, &found->bad_values, &found->bad_entries, &ignored) != ERR_OK)
        found->bad_values = found->bad_entries = 0;
    err_clear(&ignored);
    if (found->has_psl && db_place_level_list(conn, found->levels, &found->level_count, &ignored) != ERR_OK)
        found->level_count = 0;
    err_clear(&ignored);
    if (scaleout_look(conn, &found->spread, found->blind.code == ERR_OK ? &found->blind : &ignored) != ERR_OK)
        found->spread = (struct scaleout_state){0};
}

static void dbstatus_schema(const struct dbstatus *found)
{
    const struct migrate_status *schema = &found->schema;
    char loaded[TEXT_TIME_MAX];

    if (found->misfit.code != ERR_OK)
        dbstatus_row("schema", "not of this program (it knows steps up to %u)", schema->known);
    else if (schema->applied == 0)
        dbstatus_row("schema", "none yet");
    else if (schema->first != 0 && schema->first < schema->applied)
        dbstatus_row("schema", "step %u of %u, without step %u", schema->applied, schema->known,
                     schema->first);
    else
        dbstatus_row("schema", "step %u of %u", schema->applied, schema->known);
    if (found->has_psl)
        dbstatus_row(
            "suffixes", "list stored %s%s", dbstatus_day(found->psl.loaded_ms, loaded),
            found->psl.differs ? "; this machine has another one: `ctvigil db suffixes` changes to it" : "");
}

static void dbstatus_nodes(const struct scaleout_state *spread)
{
    char text[NODEVIEW_TEXT_MAX];

    if (!spread->spread)
        return;
    nodeview_text(spread, text);
    dbstatus_row("cluster", "%s", text);
    for (size_t i = 0; i < spread->count; i++) {
        nodeview_node(&spread->node[i], text);
        dbstatus_row("", "%s", text);
    }
}

static void dbstatus_parts(const struct db_stat *stat)
{
    char size[16];
    char rows[32];

    if (stat->part_count == 0)
        return;
    dbstatus_row("size", "%s; about %" PRId64 " certificates", dbstatus_size(stat->bytes, size),
                 stat->certs > 0 ? stat->certs : 0);
    if (stat->certs > 0)
        dbstatus_row("", "%" PRId64 " bytes for each, everything counted", stat->bytes / stat->certs);
    printf("%*s%8s %5s %12s  %s\n", DBSTATUS_INDENT, "", "BYTES", "SHARE", "ROWS", "PART");
    for (size_t i = 0; i < stat->part_count; i++) {
        const struct db_stat_part *part = &stat->parts[i];
        rows[0] = '\0';
        if (part->rows >= 0)
            (void)snprintf(rows, sizeof rows, "~%" PRId64, part->rows);
        printf("%*s%8s %3.0f %% %12s  %.*s\n", DBSTATUS_INDENT, "", dbstatus_size(part->bytes, size),
               stat->bytes > 0 ? 100.0 * (double)part->bytes / (double)stat->bytes : 0.0, rows, 39,
               part->name);
    }
}

static void dbstatus_places(const struct dbstatus *found)
{
    static const char *const labels[] = {"places", ""};
    char text[PLACEVIEW_TEXT_MAX];

    for (int kind = 0; kind < 2; kind++) {
        placeview_text(found->levels, found->level_count, kind, text);
        if (text[0] != '\0')
            dbstatus_row(labels[kind], "by %s: %s", kind == 0 ? "tbs_fp" : "SHA-256", text);
    }
}

static void dbstatus_ages(const struct db_stat *stat)
{
    char from[TEXT_TIME_MAX];
    char to[TEXT_TIME_MAX];

    if (stat->leaves != 0)
        dbstatus_row("leaves", "%" PRId64 " partitions by expiry, the first until %s, the last from %s",
                     stat->leaves, stat->first, stat->last);
    if (stat->months_until_ms != DB_STAT_NO_TIME)
        dbstatus_row("", "months are there until %s; the next year is cut on %s",
                     dbstatus_day(stat->months_until_ms, from), dbstatus_day(stat->next_make_ms, to));
    if (stat->issued_from_ms != DB_STAT_NO_TIME)
        dbstatus_row("issued", "%s to %s (not before)", dbstatus_day(stat->issued_from_ms, from),
                     dbstatus_day(stat->issued_to_ms, to));
    if (stat->seen_from_ms != DB_STAT_NO_TIME)
        dbstatus_row("logged", "%s to %s", dbstatus_time(stat->seen_from_ms, from),
                     dbstatus_time(stat->seen_to_ms, to));
}

static void dbstatus_server(const struct db_stat *stat)
{
    char at[TEXT_TIME_MAX];

    dbstatus_row("vacuum",
                 "oldest row is %" PRId64 " of 2147 million transactions old, forced from %" PRId64
                 " on; about %" PRId64 " dead rows; autovacuum was last here: %s",
                 stat->xid_age / 1000000, stat->xid_vacuum / 1000000, stat->dead_rows,
                 dbstatus_time(stat->vacuumed_ms, at));
    dbstatus_row("sessions",
                 "%" PRId64 " of %" PRId64 ": %" PRId64 " at work, %" PRId64 " idle in a transaction",
                 stat->sessions, stat->sessions_max, stat->active, stat->idle_in_tx);
    for (size_t i = 0; i < stat->slow_count; i++)
        dbstatus_row(i == 0 ? "slow" : "", "%.1f ms, %" PRId64 " times: %.90s", stat->slow[i].ms,
                     stat->slow[i].calls, stat->slow[i].sql);
    if (!stat->statements)
        dbstatus_row(stat->slow_count == 0 ? "slow" : "",
                     stat->slow_count == 0
                         ? "nothing runs for more than a second now; pg_stat_statements would remember more"
                         : "(what runs now; pg_stat_statements would remember more)");
}

static void dbstatus_replicas(const struct dbstatus *found)
{
    const struct db_stat *stat = &found->stat;
    char at[TEXT_TIME_MAX];

    if (found->replica.replica)
        dbstatus_row("replica", "this server copies another one%s; last transaction %s",
                     found->replica.connected ? "" : ", and is cut off from it",
                     found->replica.any ? dbstatus_time(found->replica.at_ms, at) : "not known");
    if (stat->replica_count == 0 && !found->replica.replica)
        dbstatus_row("replicas", "none");
    for (size_t i = 0; i < stat->replica_count; i++) {
        const struct db_stat_replica *replica = &stat->replicas[i];
        if (replica->lag_bytes < 0)
            dbstatus_row(i == 0 ? "replicas" : "", "%s: %s", replica->name, replica->state);
        else
            dbstatus_row(i == 0 ? "replicas" : "", "%s: %s, %" PRId64 " kB and %" PRId64 " ms behind",
                         replica->name, replica->state, replica->lag_bytes / 1000,
                         replica->lag_ms < 0 ? 0 : replica->lag_ms);
    }
    if (stat->slots_idle != 0)
        dbstatus_row("", "%" PRId64 " replication slots are not in use and keep up to %" PRId64 " kB of WAL",
                     stat->slots_idle, stat->slots_bytes / 1000);
}

static void dbstatus_expiry(const struct dbstatus *found)
{
    for (size_t i = 0; i < found->unread_count; i++) {
        const struct db_unread *one = &found->unread[i];
        char at[TEXT_TIME_MAX];
        dbstatus_row(i == 0 ? "expiry" : "", "%s: %s (read up to: %s)", one->log,
                     one->waited ? "is waited for" : "does not go on, or too slowly, and is not waited for",
                     one->begin == DB_UNREAD_BEGIN ? "nothing" : dbstatus_time(one->begin * 1000, at));
    }
}

static json_t *dbstatus_json_expiry(const struct dbstatus *found)
{
    json_t *list = json_array();

    for (size_t i = 0; i < found->unread_count; i++) {
        const struct db_unread *one = &found->unread[i];
        (void)json_array_append_new(
            list, json_pack("{s:o, s:o, s:b}", "log", cmd_json_latin1(span_str(one->log)), "read_until",
                            one->begin == DB_UNREAD_BEGIN ? json_null() : cmd_json_time(one->begin * 1000),
                            "waited", (int)one->waited));
    }
    return list;
}

/* Schema first: with another one the rest may be wrong. */
static bool dbstatus_ill(const struct dbstatus *found, unsigned *at, struct dbill *ill)
{
    const struct migrate_status *schema = &found->schema;
    unsigned step = (*at)++;

    if (step == 0 && found->misfit.code != ERR_OK) {
        (void)snprintf(ill->what, sizeof ill->what, "%.300s", found->misfit.text);
        (void)snprintf(ill->remedy, sizeof ill->remedy, "take the ctvigil that made it, or a newer one");
        return true;
    }
    if (step == 0 && schema->pending != 0) {
        (void)snprintf(ill->what, sizeof ill->what, "the schema lacks %u steps of this program",
                       schema->pending);
        (void)snprintf(ill->remedy, sizeof ill->remedy, "ctvigil db migrate; --dry-run shows them");
        return true;
    }
    if (step <= 1 && found->blind.code != ERR_OK) {
        *at = 2;
        (void)snprintf(ill->what, sizeof ill->what, "not all could be read: %.250s", found->blind.text);
        (void)snprintf(ill->remedy, sizeof ill->remedy, "see what the server says; try again");
        return true;
    }
    if (step <= 2 && found->bad_buckets != 0) {
        *at = 3;
        (void)snprintf(ill->what, sizeof ill->what,
                       "rows of place_block were damaged: of %" PRId64
                       " buckets of hashes some may not be found in logs where they are",
                       found->bad_buckets);
        (void)snprintf(
            ill->remedy, sizeof ill->remedy,
            "run and ingest make anew what they held, `ctvigil db places` does it now; look at the "
            "server's disk and memory");
        return true;
    }
    if (step <= 3 && found->bad_entries != 0) {
        *at = 4;
        (void)snprintf(ill->what, sizeof ill->what,
                       "%" PRId64 " values that a backfill put down were damaged: %" PRId64
                       " entries of logs are to be read again",
                       found->bad_values, found->bad_entries);
        (void)snprintf(ill->remedy, sizeof ill->remedy,
                       "run and ingest read them again, `log import` what came from files; look at the "
                       "server's disk and memory");
        return true;
    }
    if (step <= 4 && placeview_ill(found->levels, found->level_count, ill)) {
        *at = 5;
        return true;
    }
    unsigned nodes = 2 * SCALEOUT_NODES_MAX + 2; /* steps */
    unsigned further = step < 5 ? 0 : step - 5;
    if (further < nodes && nodeview_ill(&found->spread, &further, ill)) {
        *at = further + 5;
        return true;
    }
    further = further < nodes ? 0 : further - nodes;
    bool any = dbill_next(&found->stat, &found->replica, &further, ill);
    *at = further + nodes + 5;
    return any;
}

static void dbstatus_ills(const struct dbstatus *found)
{
    struct dbill ill;
    bool any = false;

    for (unsigned at = 0; dbstatus_ill(found, &at, &ill); any = true) {
        dbstatus_row("WRONG", "%s", ill.what);
        dbstatus_row("", "-> %s", ill.remedy);
    }
    if (!any)
        dbstatus_row("wrong", "nothing");
}

static json_t *dbstatus_json_time(int64_t unix_ms)
{
    return unix_ms == DB_STAT_NO_TIME ? json_null() : cmd_json_time(unix_ms / 1000 * 1000);
}

static json_t *dbstatus_json_known(int64_t value)
{
    return value < 0 ? json_null() : json_integer((json_int_t)value);
}

static json_t *dbstatus_json_parts(const struct db_stat *stat)
{
    json_t *parts = json_array();

    for (size_t i = 0; i < stat->part_count; i++)
        (void)json_array_append_new(parts, json_pack("{s:o, s:I, s:o}", "part",
                                                     cmd_json_latin1(span_str(stat->parts[i].name)), "bytes",
                                                     (json_int_t)stat->parts[i].bytes, "rows_estimate",
                                                     dbstatus_json_known(stat->parts[i].rows)));
    return parts;
}

static json_t *dbstatus_json_slow(const struct db_stat *stat)
{
    json_t *slow = json_array();

    for (size_t i = 0; i < stat->slow_count; i++) {
        const struct db_stat_slow *one = &stat->slow[i];
        json_t *sql = json_string(one->sql); /* NULL where it was cut in the middle of a letter */
        (void)json_array_append_new(slow, json_pack("{s:o, s:f, s:I}", "sql",
                                                    sql != NULL ? sql : cmd_json_latin1(span_str(one->sql)),
                                                    "ms", one->ms, "calls", (json_int_t)one->calls));
    }
    return slow;
}

static json_t *dbstatus_json_replicas(const struct db_stat *stat)
{
    json_t *replicas = json_array();

    for (size_t i = 0; i < stat->replica_count; i++) {
        const struct db_stat_replica *one = &stat->replicas[i];
        (void)json_array_append_new(
            replicas, json_pack("{s:o, s:s, s:o, s:o}", "name", cmd_json_latin1(span_str(one->name)), "state",
                                one->state, "lag_bytes", dbstatus_json_known(one->lag_bytes), "lag_ms",
                                dbstatus_json_known(one->lag_ms)));
    }
    return replicas;
}

static void dbstatus_json_found(json_t *line, const struct dbstatus *found)
{
    const struct db_stat *stat = &found->stat;
    struct dbill ill;
    json_t *ills = json_array();
    json_t *more;

    for (unsigned at = 0; dbstatus_ill(found, &at, &ill);)
        (void)json_array_append_new(ills, json_pack("{s:o, s:o}", "what", cmd_json_latin1(span_str(ill.what)),
                                                    "remedy", cmd_json_latin1(span_str(ill.remedy))));
    more = json_pack("{s:i, s:i, s:i, s:b, s:I, s:I, s:o, s:o}", "step", (int)found->schema.applied,
                     "steps_known", (int)found->schema.known, "pending", (int)found->schema.pending,
                     "schema_fits", found->misfit.code == ERR_OK && found->schema.pending == 0, "bytes",
                     (json_int_t)stat->bytes, "certificates_estimate",
                     (json_int_t)(stat->certs > 0 ? stat->certs : 0), "bytes_per_certificate",
                     stat->certs > 0 ? json_integer((json_int_t)(stat->bytes / stat->certs)) : json_null(),
                     "parts", dbstatus_json_parts(stat));
    (void)json_object_update(line, more);
    json_decref(more);
    more = json_pack(
        "{s:I, s:o, s:o, s:o, s:o, s:o, s:o}", "partitions", (json_int_t)stat->leaves, "months_until",
        dbstatus_json_time(stat->months_until_ms), "next_months_at", dbstatus_json_time(stat->next_make_ms),
        "issued_from", dbstatus_json_time(stat->issued_from_ms), "issued_to",
        dbstatus_json_time(stat->issued_to_ms), "logged_from", dbstatus_json_time(stat->seen_from_ms),
        "logged_to", dbstatus_json_time(stat->seen_to_ms));
    (void)json_object_update(line, more);
    json_decref(more);
    more =
        json_pack("{s:s, s:o, s:{s:I, s:I, s:I, s:o, s:b}, s:{s:I, s:I, s:I, s:I, s:I}}", "slow_from",
                  stat->statements ? "pg_stat_statements" : "now", "slow", dbstatus_json_slow(stat), "vacuum",
                  "oldest_xid_age", (json_int_t)stat->xid_age, "forced_from", (json_int_t)stat->xid_vacuum,
                  "dead_rows_estimate", (json_int_t)stat->dead_rows, "last_autovacuum",
                  dbstatus_json_time(stat->vacuumed_ms), "autovacuum", (int)stat->autovacuum, "sessions",
                  "open", (json_int_t)stat->sessions, "most", (json_int_t)stat->sessions_max, "active",
                  (json_int_t)stat->active, "idle_in_transaction", (json_int_t)stat->idle_in_tx,
                  "oldest_transaction_ms", (json_int_t)stat->oldest_tx_ms);
    (void)json_object_update(line, more);
    json_decref(more);
    more = json_pack(
        "{s:b, s:o, s:o, s:I, s:I, s:o}", "is_replica", (int)found->replica.replica, "replica_lag_ms",
        found->replica.replica && found->replica.lag_ms >= 0 ? json_integer((json_int_t)found->replica.lag_ms)
                                                             : json_null(),
        "replicas", dbstatus_json_replicas(stat), "idle_slots", (json_int_t)stat->slots_idle,
        "idle_slots_bytes", (json_int_t)stat->slots_bytes, "wrong", ills);
    (void)json_object_update(line, more);
    json_decref(more);
    (void)json_object_set_new(line, "cluster", nodeview_json(&found->spread));
    (void)json_object_set_new(line, "place_buckets_bad", json_integer((json_int_t)found->bad_buckets));
    (void)json_object_set_new(line, "backfill_values_bad", json_integer((json_int_t)found->bad_values));
    (void)json_object_set_new(line, "backfill_entries_bad", json_integer((json_int_t)found->bad_entries));
    (void)json_object_set_new(line, "place_levels", placeview_json(found->levels, found->level_count));
    (void)json_object_set_new(line, "expiry_behind", dbstatus_json_expiry(found));
    if (!found->has_psl)
        return;
    (void)json_object_set_new(line, "suffixes_stored", cmd_json_time(found->psl.loaded_ms / 1000 * 1000));
    (void)json_object_set_new(line, "suffixes_differ", json_boolean(found->psl.differs));
}

static void dbstatus_json(const struct cluster_status *cluster, const char *state,
                          const struct dbstatus *found)
{
    json_t *line = json_pack("{s:s, s:s, s:s}", "schema", "ctvigil.db.status.1", "kind",
                             cluster == NULL ? "server" : "private", "state", state);

    if (cluster != NULL) {
        (void)json_object_set_new(line, "home", cmd_json_latin1(span_str(cluster->home)));
        (void)json_object_set_new(line, "stays", json_boolean(cluster->stays));
        (void)json_object_set_new(line, "keeper_pid", json_integer(cluster->keeper));
        (void)json_object_set_new(line, "server_pid", json_integer(cluster->server));
        (void)json_object_set_new(
            line, "why", cluster->why[0] != '\0' ? cmd_json_latin1(span_str(cluster->why)) : json_null());
    }
    if (found != NULL)
        dbstatus_json_found(line, found);
    cmd_print_json(line);
}

static void dbstatus_print(const struct cmd *cmd, const struct cluster_status *cluster,
                           const struct dbstatus *found)
{
    const char *state = cluster == NULL        ? "yours"
                        : cluster->running     ? "running"
                        : cluster->keeper != 0 ? "between"
                        : cluster->made        ? "stopped"
                                               : "none";
    if (cmd->json) {
        dbstatus_json(cluster, state, found);
        return;
    }
    if (cluster == NULL) {
        printf("database  a server of your own\n");
    } else {
        printf("database  private, in ");
        cmd_print_visible(span_str(cluster->home), 0);
        printf("\nstate     %s%s\n",
               cluster->keeper != 0 && !cluster->running ? "on its way up or down" : state,
               cluster->stays ? ", asked to stay" : "");
        if (cluster->running)
            printf("process   %d, keeper %d\n", (int)cluster->server, (int)cluster->keeper);
        if (cluster->why[0] != '\0')
            printf("why       %s\n", cluster->why); /* one line without control bytes: err_set made it */
    }
    if (found == NULL)
        return;
    dbstatus_schema(found);
    dbstatus_nodes(&found->spread);
    dbstatus_parts(&found->stat);
    dbstatus_places(found);
    dbstatus_ages(&found->stat);
    dbstatus_server(&found->stat);
    dbstatus_replicas(found);
    dbstatus_expiry(found);
    dbstatus_ills(found);
}

/* A private server ends with its last user, which this command is not: then what was read is half of it, and
 * nothing is wrong. */
static int dbstatus_show(const struct cmd *cmd, struct cluster_status *cluster, struct pgconn *conn)
{
    struct dbstatus *found = malloc(sizeof *found);

    must(found != NULL);
    dbstatus_look(conn, found);
    bool ended = cluster != NULL && (found->blind.code == ERR_DB_DOWN || found->misfit.code == ERR_DB_DOWN);
    if (ended)
        cluster->running = false;
    dbstatus_print(cmd, cluster, ended ? NULL : found);
    free(found->unread);
    free(found);
    return CMD_OK;
}

static int dbstatus_private(const struct cmd *cmd)
{
    struct err why = {0};
    struct cluster_status cluster;
    struct pgconn *conn = NULL;
    const char *dir;
    enum err_code code;

    if (cmd_state_dir(cmd, &dir, &why) != ERR_OK || cluster_status(dir, &cluster, &why) != ERR_OK)
        return cmd_fail(&why);
    if (!cluster.running || cluster.dsn[0] == '\0') {
        dbstatus_print(cmd, &cluster, NULL);
        return CMD_OK;
    }
    code = pgconn_open_reader(cluster.dsn, &conn, &why);
    if (code == ERR_DB_DOWN) {
        cluster.running = false; /* its keeper is there, the server is on its way up or down */
        dbstatus_print(cmd, &cluster, NULL);
        return CMD_OK;
    }
    if (code != ERR_OK)
        return cmd_fail(&why);
    int status = dbstatus_show(cmd, &cluster, conn);
    pgconn_free(conn);
    return status;
}

int dbstatus_run(struct cmd *cmd)
{
    struct err why = {0};
    struct dbopen db;
    const struct dbopen_options options = {.dsn = cmd->conf->db.dsn,
                                           .dsn_from = conf_origin_name(cmd->conf->origin[CONF_KEY_db_dsn]),
                                           .dsn_file = cmd->conf->db.dsn_file,
                                           .reads = true,
                                           .look = true};

    if (options.dsn[0] == '\0' && options.dsn_file[0] == '\0')
        return dbstatus_private(cmd);
    if (dbopen_open(&options, &db, &why) != ERR_OK)
        return cmd_fail(&why);
    int status = dbstatus_show(cmd, NULL, db.conn);
    dbopen_close(&db);
    return status;
}
