/* One file per command, cli/cmd_NAME.c, which exports cmd_NAME. main.c has the table; this header is the
 * contract.
 *
 * Exit codes (they are the same for every command; the lowest non-zero one wins): 0 fine, 1 findings, 2 usage
 * or configuration, 3 stale or incomplete data, 4 anything else. stdout is data, stderr is talk. */
#ifndef CTVIGIL_CMD_H
#define CTVIGIL_CMD_H

#include <jansson.h>
#include <stdio.h>

#include "base/conf.h"
#include "base/err.h"
#include "db/pgconn.h"

enum cmd_exit { CMD_OK = 0, CMD_FINDINGS = 1, CMD_USAGE = 2, CMD_STALE = 3, CMD_FAILED = 4 };

struct cmd {
    const struct conf *conf;
    bool json;               /* --json */
    bool help;               /* --help: print the command's help and return CMD_OK */
    const char *program;     /* path of this executable, to start itself again */
    const char *config_path; /* -c FILE or NULL */
    int argc;                /* argv[0] is the command's name */
    char **argv;
};

/* Prints "ctvigil: TEXT" on stderr and returns the exit code that fits the error's class. */
int cmd_fail(const struct err *why);
/* Says what is wrong with the command line and how to see the help; returns CMD_USAGE. */
int cmd_usage(const struct cmd *cmd, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Prints the command's usage line, its sentence and its options; returns CMD_OK. `lines` are whole usage
 * lines. */
struct opt;
int cmd_help(const char *usage_lines, const char *sentence, const struct opt *options);

/* Opens the database of the configuration: the DSN's, or the private cluster (started on need, schema made
 * and migrated). Keep it open as long as the command runs; cmd_db_close lets the private cluster end. */
MUST_USE enum err_code cmd_db_open(const struct cmd *cmd, struct pgconn **conn, struct err *why);
/* The same for a command that writes nothing: where db.read_dsn is set the server named there, a replica or a
 * pooler before one. Says on stderr when a replica is behind. */
MUST_USE enum err_code cmd_db_open_reader(const struct cmd *cmd, struct pgconn **conn, struct err *why);
/* Such a command has to write after all: closes *conn and opens the database itself, where that is another.
 */
MUST_USE enum err_code cmd_db_to_writer(const struct cmd *cmd, struct pgconn **conn, struct err *why);
void cmd_db_close(struct pgconn *conn);
/* For loops of long-running commands: starts a private cluster again that was killed (db/cluster.h), and says
 * on stderr, once a minute, that it is down and why. An error means that the command ends with it: the
 * cluster can not come back for this process, or (`once`) it was tried and did not start. */
MUST_USE enum err_code cmd_db_keep(bool once, struct err *why);
/* The same; with `migrate` a server of the user's own gets its schema made or brought up to date too. */
MUST_USE enum err_code cmd_db_open_with(const struct cmd *cmd, bool migrate, struct pgconn **conn,
                                        struct err *why);
/* The DSN behind cmd_db_open, for further connections (pipeline, notifier); valid until cmd_db_close. */
const char *cmd_db_dsn(void);
bool cmd_db_is_open(void);
/* State directory, made if needed. */
MUST_USE enum err_code cmd_state_dir(const struct cmd *cmd, const char **dir, struct err *why);

/* One JSON object as one line on stdout, "schema" first; steals `object`. */
void cmd_print_json(json_t *object);
void cmd_write_json(FILE *out, json_t *object); /* the same to another place */
/* A JSON string of bytes that need not be UTF-8: each byte becomes the code point of its value (Latin-1). */
json_t *cmd_json_latin1(struct span bytes);
json_t *cmd_json_hex(struct span bytes);
json_t *cmd_json_time(int64_t unix_ms); /* RFC 3339, UTC, Z; milliseconds only when there are some */
/* Width of the terminal that stdout is; 0 where there is none, or one that does not say. */
size_t cmd_columns(void);
/* Bytes made visible (base/text.h) to stdout; padded with spaces to `width` columns. */
void cmd_print_visible(struct span bytes, int width);

int cmd_alert(struct cmd *cmd);
int cmd_cert(struct cmd *cmd);
int cmd_config(struct cmd *cmd);
int cmd_db(struct cmd *cmd);
int cmd_demo(struct cmd *cmd);
int cmd_domain(struct cmd *cmd);
int cmd_ingest(struct cmd *cmd);
int cmd_log(struct cmd *cmd);
int cmd_run(struct cmd *cmd);
int cmd_search(struct cmd *cmd);
int cmd_trust(struct cmd *cmd);
int cmd_watch(struct cmd *cmd);

#endif
