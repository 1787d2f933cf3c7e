#include "cli/readers.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/limits.h"
#include "base/text.h"
#include "db/db_reader.h"

struct readers_listing {
    const struct cmd *cmd;
    size_t count;
};

static void readers_lack(void *arg, const char *line)
{
    size_t *count = arg;
    if ((*count)++ == 0)
        fprintf(stderr, "ctvigil: readers: an administrator of the server runs, in this database:\n");
    fprintf(stderr, "  %s\n", line);
}

void readers_note(struct pgconn *conn)
{
    size_t count = 0;
    struct err ignored = {0};
    if (db_reader_lacks(conn, readers_lack, &count, &ignored) != ERR_OK)
        return; /* whoever needs it will say it */
}

static void readers_row(void *arg, const struct db_reader *reader)
{
    struct readers_listing *listing = arg;
    if (listing->cmd->json) {
        cmd_print_json(json_pack("{s:s, s:o, s:I, s:I, s:I, s:b}", "schema", "ctvigil.db.reader.1", "name",
                                 cmd_json_latin1(span_str(reader->name)), "timeout_s",
                                 (json_int_t)reader->timeout_s, "connections",
                                 (json_int_t)reader->connections, "open", (json_int_t)reader->open, "role",
                                 reader->gone ? 0 : 1));
        return;
    }
    if (listing->count++ == 0)
        printf("%-9s %-12s %-5s %s\n", "SECONDS", "CONNECTIONS", "OPEN", "READER");
    printf("%-9" PRId64 " %-12" PRId64 " %-5" PRId64 " ", reader->timeout_s, reader->connections,
           reader->open);
    cmd_print_visible(span_str(reader->name), 0);
    printf("%s\n", reader->gone ? " (the role is gone)" : "");
}

static int readers_list(const struct cmd *cmd, struct pgconn *conn)
{
    struct err why = {0};
    struct readers_listing listing = {.cmd = cmd};
    if (db_reader_list(conn, readers_row, &listing, &why) != ERR_OK)
        return cmd_fail(&why);
    if (listing.count == 0 && !cmd->json)
        fprintf(stderr, "ctvigil: there are no readers; 'ctvigil db reader add NAME' makes one\n");
    return CMD_OK;
}

static int readers_add(const struct cmd *cmd, struct pgconn *conn, const char *name, uint64_t timeout_s,
                       uint64_t connections)
{
    struct err why = {0};
    size_t lacks = 0;
    if (db_reader_add(conn, name, (int64_t)timeout_s, (int64_t)connections, readers_lack, &lacks, &why) !=
        ERR_OK)
        return cmd_fail(&why);
    if (cmd->json)
        cmd_print_json(json_pack("{s:s, s:o, s:I, s:I}", "schema", "ctvigil.db.reader.add.1", "name",
                                 cmd_json_latin1(span_str(name)), "timeout_s", (json_int_t)timeout_s,
                                 "connections", (json_int_t)connections));
    else
        printf("reader %s: %" PRIu64 " seconds for a statement, %" PRIu64 " connections\n", name, timeout_s,
               connections);
    return CMD_OK;
}

static int readers_remove(const struct cmd *cmd, struct pgconn *conn, const char *name)
{
    struct err why = {0};
    if (db_reader_remove(conn, name, &why) != ERR_OK)
        return cmd_fail(&why);
    if (cmd->json)
        cmd_print_json(json_pack("{s:s, s:o}", "schema", "ctvigil.db.reader.remove.1", "name",
                                 cmd_json_latin1(span_str(name))));
    else
        printf("reader %s: removed\n", name);
    return CMD_OK;
}

/* What can be printed and typed again; the server quotes it. */
static bool readers_is_name(const char *name)
{
    size_t len = strlen(name);
    return len > 0 && len < 64 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-.") == len;
}

int readers_run(struct cmd *cmd, int words, uint64_t timeout_s, uint64_t connections)
{
    const char *action = cmd->argv[2];
    bool list = strcmp(action, "list") == 0;
    bool add = strcmp(action, "add") == 0;
    struct pgconn *conn;
    struct err why = {0};
    if (!list && !add && strcmp(action, "remove") != 0)
        return cmd_usage(cmd, "'%s' is nothing to do with a reader; there are add, remove and list", action);
    if (words != (list ? 1 : 2))
        return cmd_usage(cmd, list ? "reader list takes no name" : "reader %s takes one name", action);
    if (!list && !readers_is_name(cmd->argv[3]))
        return cmd_usage(cmd, "a reader's name is made of up to 63 small letters, digits, '_', '-' and '.'");
    if (timeout_s < 1 || timeout_s > LIMIT_READER_S_MAX)
        return cmd_usage(cmd, "--timeout is 1 to %d seconds", LIMIT_READER_S_MAX);
    if (connections < 1 || connections > LIMIT_READER_OPEN_MAX)
        return cmd_usage(cmd, "--connections is 1 to %d", LIMIT_READER_OPEN_MAX);
    if (cmd_db_open(cmd, &conn, &why) != ERR_OK)
        return cmd_fail(&why);
    int code = list  ? readers_list(cmd, conn)
               : add ? readers_add(cmd, conn, cmd->argv[3], timeout_s, connections)
                     : readers_remove(cmd, conn, cmd->argv[3]);
    cmd_db_close(conn);
    return code;
}
