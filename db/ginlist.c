#include "db/ginlist.h"

#include "base/limits.h"
#include "db/pgexec.h"

#define STRINGIFY(x) #x
#define STRING_OF(x) STRINGIFY(x)

const char ginlist_session[] = "SET gin_pending_list_limit = '" STRING_OF(
    LIMIT_GIN_LIST_KB) "kB';"
                       /* What is merged at once, so that a key that came several times is looked for once. */
                       "SET work_mem = '" STRING_OF(LIMIT_GIN_MERGE_KB) "kB'";

static void merge(struct ginlist *list, struct pgconn *conn)
{
    static const char sql[] =
        "SELECT gin_clean_pending_list(x.indexrelid) FROM pg_index AS x JOIN pg_class AS c ON c.oid = "
        "x.indexrelid"
        " JOIN pg_am AS a ON a.oid = c.relam WHERE x.indrelid = 'log_tile'::regclass AND a.amname = 'gin'";
    list->waits = false;
    if (!list->refused && pgexec_do(conn, sql, &PGEXEC_NO_ARGS, NULL, NULL) != ERR_OK)
        list->refused = strcmp(conn->sqlstate, "42501") == 0;
}

void ginlist_stored(struct ginlist *list, struct pgconn *conn, uint64_t entries, int64_t now_ms)
{
    list->entries += entries;
    list->waits = list->waits || entries != 0;
    int64_t passed_ms = now_ms - list->since_ms;
    if (passed_ms < LIMIT_GIN_LOOK_MS)
        return;
    bool much = list->entries * 1000 / (uint64_t)passed_ms >= LIMIT_GIN_MUCH;
    list->since_ms = now_ms;
    list->entries = 0;
    if (!much && list->waits)
        merge(list, conn);
}

void ginlist_idle(struct ginlist *list, struct pgconn *conn, int64_t now_ms)
{
    if (list->waits)
        ginlist_stored(list, conn, 0, now_ms);
}

void ginlist_end(struct ginlist *list, struct pgconn *conn)
{
    if (list->waits)
        merge(list, conn);
}
