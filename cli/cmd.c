#include "cli/cmd.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/say.h"
#include "base/text.h"
#include "cli/opt.h"
#include "db/dbopen.h"
#include "db/replica.h"

#define CMD_SAY_AGAIN_MS 60000

int cmd_fail(const struct err *why)
{
    fprintf(stderr, "ctvigil: %s\n", why->text[0] != '\0' ? why->text : err_sentence(why->code));
    switch (err_class(why->code)) {
    case ERR_CLASS_USAGE:
        return CMD_USAGE;
    default:
        return CMD_FAILED;
    }
}

int cmd_usage(const struct cmd *cmd, const char *fmt, ...)
{
    char text[ERR_TEXT_MAX];
    char visible[ERR_TEXT_MAX];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    fprintf(stderr, "ctvigil %s: %s; see 'ctvigil %s --help'\n", cmd->argv[0],
            text_visible_str(span_str(text), visible, sizeof visible), cmd->argv[0]);
    return CMD_USAGE;
}

int cmd_help(const char *usage_lines, const char *sentence, const struct opt *options)
{
    printf("usage: %s\n%s\n", usage_lines, sentence);
    if (options != NULL && options->name != NULL)
        printf("\n");
    opt_help(options);
    return CMD_OK;
}

void cmd_write_json(FILE *out, json_t *object)
{
    char *line;

    must(object != NULL);
    line = json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII);
    must(line != NULL);
    /* Jansson lets DEL through, the one control byte that JSON does not demand to be escaped. */
    for (const char *at = line; *at != '\0'; at++) {
        if (*at == '\x7f')
            (void)fputs("\\u007f", out);
        else
            (void)fputc(*at, out);
    }
    (void)fputc('\n', out);
    free(line);
    json_decref(object);
}

void cmd_print_json(json_t *object)
{
    cmd_write_json(stdout, object);
}

json_t *cmd_json_latin1(struct span bytes)
{
    char *utf8 = malloc(2 * bytes.len + 1);
    size_t len = 0;
    json_t *text;

    must(utf8 != NULL);
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t byte = bytes.at[i];
        if (byte < 0x80) {
            utf8[len++] = (char)byte;
        } else {
            utf8[len++] = (char)(0xc0 | byte >> 6);
            utf8[len++] = (char)(0x80 | (byte & 0x3f));
        }
    }
    text = json_stringn(utf8, len);
    free(utf8);
    must(text != NULL);
    return text;
}

json_t *cmd_json_hex(struct span bytes)
{
    char *hex = malloc(2 * bytes.len + 1);
    json_t *text;

    must(hex != NULL);
    text = json_string(text_hex(bytes, hex));
    free(hex);
    must(text != NULL);
    return text;
}

json_t *cmd_json_time(int64_t unix_ms)
{
    char text[TEXT_TIME_MAX];
    json_t *value = json_string(text_time(unix_ms, unix_ms % 1000 != 0, text));

    must(value != NULL);
    return value;
}

size_t cmd_columns(void)
{
    struct winsize size = {0};

    return isatty(STDOUT_FILENO) == 1 && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

void cmd_print_visible(struct span bytes, int width)
{
    struct buf visible;
    int columns = 0;

    buf_init(&visible, 1u << 20);
    text_visible(&visible, bytes);
    const char *text = buf_text(&visible);
    for (const char *at = text; *at != '\0'; at++)
        columns += ((unsigned char)*at & 0xc0) != 0x80;
    fputs(text, stdout);
    if (columns < width)
        printf("%*s", width - columns, "");
    buf_fini(&visible);
}

/* $STATE_DIRECTORY is what systemd hands to a unit; root keeps its state where a service would. */
static enum err_code cmd_state_default(char *out, size_t out_cap, struct err *why)
{
    const char *systemd = getenv("STATE_DIRECTORY");
    const char *xdg = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");

    if (systemd != NULL && systemd[0] == '/')
        (void)snprintf(out, out_cap, "%.*s", (int)strcspn(systemd, ":"), systemd);
    else if (geteuid() == 0)
        (void)snprintf(out, out_cap, "/var/lib/ctvigil");
    else if (xdg != NULL && xdg[0] == '/')
        (void)snprintf(out, out_cap, "%s/ctvigil", xdg);
    else if (home != NULL && home[0] == '/')
        (void)snprintf(out, out_cap, "%s/.local/state/ctvigil", home);
    else
        return err_set(why, ERR_CONFIG, "no state directory: $HOME is not set; name one with --state-dir");
    return ERR_OK;
}

static enum err_code cmd_make_dirs(char *path, struct err *why)
{
    for (char *at = path + 1;; at++) {
        char kept = *at;
        if (kept != '/' && kept != '\0')
            continue;
        *at = '\0';
        if (mkdir(path, 0755) != 0 && errno != EEXIST)
            return err_set(why, ERR_SYSTEM,
                           "%s: the state directory can not be made (%s); name another with --state-dir",
                           path, strerror(errno));
        *at = kept;
        if (kept == '\0')
            return ERR_OK;
    }
}

enum err_code cmd_state_dir(const struct cmd *cmd, const char **dir, struct err *why)
{
    static char path[4096];
    const char *given = cmd->conf->state.dir;
    char cwd[2048];
    enum err_code code;

    if (given == NULL || given[0] == '\0') {
        if ((code = cmd_state_default(path, sizeof path, why)) != ERR_OK)
            return code;
    } else if (given[0] == '/') {
        (void)snprintf(path, sizeof path, "%s", given);
    } else {
        if (getcwd(cwd, sizeof cwd) == NULL)
            return err_set(why, ERR_SYSTEM, "the current directory can not be found (%s)", strerror(errno));
        (void)snprintf(path, sizeof path, "%s/%s", cwd, given);
    }
    if (strlen(path) >= 3000)
        return err_set(why, ERR_CONFIG, "state.dir: the path is longer than 3000 bytes");
    if ((code = cmd_make_dirs(path, why)) != ERR_OK)
        return code;
    struct stat info;
    if (stat(path, &info) == 0 && !S_ISDIR(info.st_mode))
        return err_set(why, ERR_CONFIG, "%s: not a folder; name another state directory with --state-dir",
                       path);
    if (access(path, W_OK | X_OK) != 0)
        return err_set(why, ERR_SYSTEM,
                       "%s: the state directory can not be written (%s); name another with --state-dir", path,
                       strerror(errno));
    *dir = path;
    return ERR_OK;
}

/* One database per program: the commands open it once, helpers ask for the DSN of it. */
static struct dbopen cmd_database;

enum err_code cmd_db_open_with(const struct cmd *cmd, bool migrate, struct pgconn **conn, struct err *why)
{
    struct dbopen_options options = {.dsn = cmd->conf->db.dsn,
                                     .dsn_from = conf_origin_name(cmd->conf->origin[CONF_KEY_db_dsn]),
                                     .dsn_file = cmd->conf->db.dsn_file,
                                     .program = cmd->program,
                                     .migrate = migrate};
    bool private_cluster = options.dsn[0] == '\0' && options.dsn_file[0] == '\0';
    enum err_code code = private_cluster ? cmd_state_dir(cmd, &options.state_dir, why) : ERR_OK;

    must(cmd_database.conn == NULL);
    if (code == ERR_OK)
        code = dbopen_open(&options, &cmd_database, why);
    *conn = code == ERR_OK ? cmd_database.conn : NULL;
    return code;
}

enum err_code cmd_db_open(const struct cmd *cmd, struct pgconn **conn, struct err *why)
{
    return cmd_db_open_with(cmd, false, conn, why);
}

/* An answer that is old must not look like one of now. */
static void cmd_say_replica(struct pgconn *conn)
{
    struct replica_state state;
    struct err ignored = {0};
    char at[TEXT_TIME_MAX];

    if (replica_look(conn, &state, &ignored) != ERR_OK || !state.replica ||
        (state.connected && state.lag_ms >= 0 && state.lag_ms <= LIMIT_REPLICA_LAG_S * INT64_C(1000)))
        return;
    const char *cut = state.connected ? "" : " and gets nothing from its primary now";
    if (!state.any)
        fprintf(stderr, "ctvigil: db.read_dsn: the replica can not say how old its data is%s\n", cut);
    else
        fprintf(stderr,
                "ctvigil: db.read_dsn: the replica is %" PRId64 " seconds behind%s: what was stored after %s "
                "is not in this answer\n",
                state.lag_ms / 1000, cut, text_time(state.at_ms, false, at));
}

/* Who names another database on the command line does not mean the replica of the one in the file. */
static bool cmd_has_reader(const struct cmd *cmd)
{
    const enum conf_origin *origin = cmd->conf->origin;
    enum conf_origin own = origin[CONF_KEY_db_dsn] > origin[CONF_KEY_db_dsn_file]
                               ? origin[CONF_KEY_db_dsn]
                               : origin[CONF_KEY_db_dsn_file];

    if (cmd->conf->db.read_dsn[0] != '\0')
        return origin[CONF_KEY_db_read_dsn] >= own;
    return cmd->conf->db.read_dsn_file[0] != '\0' && origin[CONF_KEY_db_read_dsn_file] >= own;
}

enum err_code cmd_db_to_writer(const struct cmd *cmd, struct pgconn **conn, struct err *why)
{
    if (!cmd_has_reader(cmd))
        return ERR_OK;
    cmd_db_close(*conn);
    return cmd_db_open(cmd, conn, why);
}

enum err_code cmd_db_open_reader(const struct cmd *cmd, struct pgconn **conn, struct err *why)
{
    struct dbopen_options options = {.dsn = cmd->conf->db.read_dsn,
                                     .dsn_from = conf_origin_name(cmd->conf->origin[CONF_KEY_db_read_dsn]),
                                     .dsn_file = cmd->conf->db.read_dsn_file,
                                     .key = "db.read_dsn",
                                     .reads = true};

    if (!cmd_has_reader(cmd))
        return cmd_db_open(cmd, conn, why);
    must(cmd_database.conn == NULL);
    enum err_code code = dbopen_open(&options, &cmd_database, why);
    *conn = code == ERR_OK ? cmd_database.conn : NULL;
    if (code == ERR_OK)
        cmd_say_replica(*conn);
    return code;
}

void cmd_db_close(struct pgconn *conn)
{
    must(conn == cmd_database.conn);
    dbopen_close(&cmd_database);
    memset(&cmd_database, 0, sizeof cmd_database);
}

/* Whoever looks after the program sees an outage once a minute, and its end. */
enum err_code cmd_db_keep(bool once, struct err *why)
{
    static enum err_code said = ERR_OK;
    static int64_t said_at;
    struct err now = {0};
    enum err_code code = dbopen_keep(&cmd_database, &now);

    if (code == ERR_OK && said != ERR_OK)
        say_info("db", "the private database is up again");
    if (code == ERR_CLOSED || (once && code != ERR_OK && code != ERR_DB_DOWN))
        return err_set(why, code, "%s", now.text);
    bool worse = said == ERR_OK || (said == ERR_DB_DOWN && code != ERR_DB_DOWN);
    if (code != ERR_OK && (worse || clock_mono_ms() - said_at >= CMD_SAY_AGAIN_MS)) {
        say_error("db", "it is down and is tried again until it is back; nothing is lost: %s", now.text);
        said_at = clock_mono_ms();
        said = code;
    }
    if (code == ERR_OK)
        said = ERR_OK;
    return ERR_OK;
}

bool cmd_db_is_open(void)
{
    return cmd_database.conn != NULL;
}

const char *cmd_db_dsn(void)
{
    must(cmd_database.conn != NULL);
    return cmd_database.dsn;
}
