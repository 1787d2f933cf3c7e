#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/time.h>

#include "base/limits.h"
#include "base/text.h"
#include "cli/backfill.h"
#include "cli/cmd.h"
#include "cli/horizon.h"
#include "cli/opt.h"
#include "cli/places.h"
#include "cli/searchfile.h"
#include "cli/searchissuer.h"
#include "cli/searchview.h"
#include "cli/watchname.h"
#include "db/pgstop.h"
#include "db/query.h"

#define LIMIT_NOT_GIVEN UINT64_MAX
#define AGAIN_US        200000
#define COUNT_MOST      10000 /* beyond it a total has to be asked for */

/* The command line. */
struct wish {
    const char *after;
    const char *count;
    const char *form;
    const char *format;
    const char *issuer;
    const char *out;
    int64_t since;
    int64_t until;
    int64_t seen_since;
    uint64_t limit;
    bool all;
    bool exclude_expired;
    bool expired;
};

struct search {
    struct cmd *cmd;
    const struct wish *wish;
    enum searchview_format format;
    struct searchfile file;
};

static atomic_bool interrupted;

static void on_alarm(int number)
{
    (void)number;
    pgstop_now();
}

/* Told again until it ends: the first word may have come just before the statement. */
static void on_signal(int number)
{
    const struct itimerval again = {{0, AGAIN_US}, {0, AGAIN_US}};
    (void)number;
    atomic_store(&interrupted, true);
    pgstop_now();
    (void)setitimer(ITIMER_REAL, &again, NULL);
}

/* A write that waits for its reader goes on: cut off, its rows would be missing between those before and
 * behind. A second signal ends the program as if there was no handler. */
static void catch_signals(struct pgconn *conn)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND | SA_RESTART};
    struct sigaction alarm = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
    pgstop_arm(conn, &interrupted);
    (void)sigaction(SIGALRM, &alarm, NULL);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

/* What is asked from now on is short. */
static void let_signals(struct pgconn *conn)
{
    const struct itimerval none = {{0, 0}, {0, 0}};
    (void)setitimer(ITIMER_REAL, &none, NULL);
    pgstop_disarm(conn);
}

/* Of the terminal that the rows go to; 0: they go somewhere else. */
static size_t columns_of(const struct search *search)
{
    return search->file.out == stdout ? cmd_columns() : 0;
}

static enum err_code found(void *arg, const struct query_row *row, struct err *why)
{
    struct search *search = arg;
    if (search->file.rows == 0)
        searchview_head(search->file.out, search->format, columns_of(search));
    searchview_row(search->file.out, search->format, columns_of(search), row);
    if (!searchfile_row(&search->file, row) && search->wish->out != NULL)
        return err_set(why, ERR_SYSTEM, "search: the file can not be written");
    return ERR_OK;
}

/* Nothing was found: what looks like a serial number may have been meant as one. */
static void hint(const struct search *search, const struct query_result *result)
{
    const char *typed = search->cmd->argv[1];
    if (result->no_issuer)
        fprintf(stderr, "ctvigil: no issuer that is stored is or is named like that\n");
    else if (strlen(typed) >= 8 && typed[strspn(typed, "0123456789abcdefABCDEF")] == '\0')
        fprintf(stderr, "ctvigil: there is no such domain; if it is a serial number: serial:%s\n", typed);
    else if (search->format == SEARCHVIEW_TABLE)
        fprintf(stderr, "ctvigil: %s\n",
                result->more ? "no certificates in what was searched" : "no certificates match");
}

static const char *bound_text(int64_t unix_ms, const char *none, char text[TEXT_TIME_MAX])
{
    return unix_ms == QUERY_NO_TIME ? none : text_time(unix_ms, unix_ms % 1000 != 0, text);
}

/* What the answer does not rest on. */
static void say_limits(const struct query_result *result)
{
    char from[TEXT_TIME_MAX];
    char to[TEXT_TIME_MAX];
    if (result->since_ms != QUERY_NO_TIME)
        fprintf(
            stderr,
            "ctvigil: e-mail addresses, URIs, organisations and common names are known of certificates that "
            "were stored from %s on; older ones were not searched\n",
            bound_text(result->since_ms, "", from));
    if (result->walked && result->more)
        fprintf(stderr,
                "ctvigil: no index leads to these: searched were certificates whose validity begins from "
                "%s to %s, older ones were not%s\n",
                bound_text(result->searched_from_ms, "ever", from),
                bound_text(result->searched_to_ms, "now", to),
                result->unfinished ? " (time was up: db.query_timeout_s)" : "");
    else if (result->unfinished)
        fprintf(stderr, "ctvigil: time was up (db.query_timeout_s) before the page was full\n");
}

static json_t *json_bound(int64_t unix_ms)
{
    return unix_ms == QUERY_NO_TIME ? json_null() : cmd_json_time(unix_ms);
}

/* The last line of JSON: where to go on, and what was not searched. */
static void say_more(const struct search *search, const struct query *query,
                     const struct query_result *result)
{
    char cursor[QUERY_CURSOR_MAX];
    const char *text = query_cursor_text(&result->next, query, cursor);
    if (search->format != SEARCHVIEW_NDJSON || search->wish->out != NULL) {
        fprintf(stderr, "ctvigil: there %s more: --after %s\n", result->walked ? "may be" : "are", text);
        return;
    }
    json_t *line = json_pack("{s:s}", "cursor", text);
    if (result->walked) {
        (void)json_object_set_new(line, "searched_from", json_bound(result->searched_from_ms));
        (void)json_object_set_new(line, "searched_to", json_bound(result->searched_to_ms));
    }
    cmd_print_json(line);
}

/* All pages, or one. */
static enum err_code pages(struct search *search, struct pgconn *conn, struct query *query,
                           struct query_result *result, struct err *why)
{
    enum err_code code = query_run(conn, query, found, search, result, why);
    int64_t searched_to = result->searched_to_ms;
    while (code == ERR_OK && search->wish->all && result->more && !atomic_load(&interrupted) &&
           searchfile_ok(&search->file)) {
        query->has_after = true;
        query->after = result->next;
        code = query_run(conn, query, found, search, result, why);
    }
    result->searched_to_ms = searched_to;
    return code;
}

/* The last line: what the file holds. */
static void say_kept(const struct search *search, const char *kept, uint64_t rows, const char *more)
{
    if (kept[0] != '\0')
        fprintf(stderr, "ctvigil: %s: %" PRIu64 " certificates%s\n", kept, rows, more);
    else if (search->file.temp[0] != '\0')
        fprintf(stderr, "ctvigil: %s: nothing of it is kept; search again where there is room\n",
                search->wish->out);
}

/* The file could not be written, or not get its name. Where what it holds ends is where to go on, however far
 * the search was. */
static int cut_off(const struct search *search, const struct query *query, const char *kept, bool whole)
{
    const struct searchfile *file = &search->file;
    const struct query_result at = {.next = file->mark.behind, .more = true};
    bool usable = kept[0] != '\0' && file->temp[0] != '\0' && file->mark.rows != 0;
    bool all = usable && whole && file->error == 0;
    if (file->temp[0] == '\0')
        return CMD_FAILED;
    if (usable && !all)
        say_more(search, query, &at);
    say_kept(search, kept, file->mark.rows,
             all ? ", all of them" : "; not all, go on with --after and another file where there is room");
    return CMD_FAILED;
}

/* Rows were given and then something failed: the last page's cursor still goes on behind them, as far as
 * pages were whole. */
static int end_of(struct search *search, const struct query *query, const struct query_result *result,
                  enum err_code code, struct err *why)
{
    static char kept[SEARCHFILE_PATH_MAX];
    bool whole = code == ERR_OK && !(atomic_load(&interrupted) && result->more);
    uint64_t rows = search->file.rows;
    struct err closing = {0};
    if (searchfile_close(&search->file, whole, kept, &closing) != ERR_OK) {
        (void)cmd_fail(&closing);
        return cut_off(search, query, kept, whole);
    }
    if (code != ERR_OK)
        (void)cmd_fail(why);
    if (code == ERR_OK || rows != 0)
        say_limits(result);
    /* A cursor behind rows that nobody got would lose them. */
    bool given = search->wish->out != NULL || (fflush(stdout) == 0 && !ferror(stdout));
    if (given && result->more && (code == ERR_OK || code == ERR_CLOSED || rows != 0))
        say_more(search, query, result);
    if (kept[0] != '\0')
        say_kept(search, kept, rows, whole ? "" : "; not all, go on with --after and another file");
    if (code != ERR_OK)
        return err_class(code) == ERR_CLASS_USAGE ? CMD_USAGE : CMD_FAILED;
    return whole ? CMD_OK : CMD_FAILED;
}

static int list(struct search *search, struct pgconn *conn, struct query *query)
{
    struct err why = {0};
    struct query_result result = {0};
    enum err_code code = searchfile_open(&search->file, search->wish->out, &why);
    if (code != ERR_OK)
        return cmd_fail(&why);
    catch_signals(conn);
    code = pages(search, conn, query, &result, &why);
    let_signals(conn);
    if (code == ERR_OK && search->file.rows == 0) {
        if (search->format == SEARCHVIEW_CSV)
            searchview_head(search->file.out, search->format, columns_of(search));
        hint(search, &result);
    }
    if (code == ERR_OK) {
        horizon_say(conn, search->cmd->argv[1], search->file.rows != 0);
        backfill_say(conn);
        places_say(conn);
    }
    return end_of(search, query, &result, code, &why);
}

static int count(const struct search *search, struct pgconn *conn, const struct query *query)
{
    struct err why = {0};
    struct query_result result = {0};
    bool exact = strcmp(search->wish->count, "exact") == 0;
    catch_signals(conn);
    enum err_code code = query_count(conn, query, exact ? UINT64_MAX : COUNT_MOST, &result, &why);
    let_signals(conn);
    if (code != ERR_OK)
        return cmd_fail(&why);
    if (result.no_issuer)
        hint(search, &result);
    horizon_say(conn, search->cmd->argv[1], result.total != 0);
    backfill_say(conn);
    places_say(conn);
    result.more = result.unfinished;
    say_limits(&result);
    if (search->format != SEARCHVIEW_NDJSON) {
        printf("%s%" PRIu64 "\n", result.at_least ? "at least " : "", result.total);
        return CMD_OK;
    }
    json_t *line = json_pack("{s:s, s:I}", "schema", "ctvigil.search.count.1",
                             result.at_least ? "total_at_least" : "total", (json_int_t)result.total);
    if (result.unfinished && result.walked) {
        (void)json_object_set_new(line, "searched_from", json_bound(result.searched_from_ms));
        (void)json_object_set_new(line, "searched_to", json_bound(result.searched_to_ms));
    }
    cmd_print_json(line);
    return CMD_OK;
}

/* A question of its own, and not worth an error. */
static void say_thin(struct pgconn *conn)
{
    char text[TEXT_TIME_MAX];
    int64_t since_ms = QUERY_NO_TIME;
    if (query_thin_since(conn, &since_ms, NULL) == ERR_OK && since_ms != QUERY_NO_TIME)
        fprintf(stderr,
                "ctvigil: db.store has been `watched` at some time since %s: what concerned no registered "
                "domain was "
                "not stored\n",
                text_time(since_ms, false, text));
}

static void say_warning(const struct err *warning)
{
    if (warning->code != ERR_OK)
        fprintf(stderr, "ctvigil: %s\n", warning->text);
}

static int run(struct search *search, struct query *query)
{
    struct err why = {0};
    struct pgconn *conn;
    if (cmd_db_open_reader(search->cmd, &conn, &why) != ERR_OK)
        return cmd_fail(&why);
    struct searchissuer issuer = {0};
    struct err warning = {0};
    int status;
    enum err_code code = searchissuer_find(&issuer, query, &warning, &why);
    say_warning(&warning);
    if (code != ERR_OK)
        status = cmd_fail(&why);
    else
        status = search->wish->count != NULL ? count(search, conn, query) : list(search, conn, query);
    if (status == CMD_OK)
        say_thin(conn);
    searchissuer_free(&issuer);
    cmd_db_close(conn);
    return status;
}

/* Reads what was typed. What is meant as a domain and is none (a URL, host:port, 1.2.3.400) is refused with
 * what to write instead: it would find nothing, and that looks like an answer. */
static enum err_code parse(const char *typed, struct query *query, struct err *why)
{
    static const char *const kinds[] = {"sub:", "host:", "name:", "wildcard:"};
    struct watch ignored = {0};
    struct err better = {0};
    char name[DNS_TEXT_MAX];
    enum err_code code = query_parse(typed, query, why);
    bool domain = query->kind == QUERY_SUB || query->kind == QUERY_HOST || query->kind == QUERY_NAME ||
                  query->kind == QUERY_WILDCARD;

    if (!(code == ERR_OK && domain) && code != ERR_FORMAT)
        return code;
    for (size_t i = 0; i < countof(kinds); i++) {
        if (strncmp(typed, kinds[i], strlen(kinds[i])) == 0) {
            typed += strlen(kinds[i]);
            break;
        }
    }
    typed += strncmp(typed, "*.", 2) == 0 ? 2 : 0;
    if (watchname_read(typed, &ignored, name, &better) == ERR_OK && ignored.kind == WATCH_IP)
        (void)err_set(&better, ERR_USAGE, "'%s' is an IP address: search for ip:%s", name, name);
    if (better.code == ERR_OK)
        return code;
    *why = better;
    return better.code;
}

/* One of a few words, by its place; -1: none. */
static int word_of(const char *typed, const char *const *words, int words_count)
{
    for (int i = 0; i < words_count; i++) {
        if (strcmp(typed, words[i]) == 0)
            return i;
    }
    return -1;
}

static int read_choices(struct search *search, struct query *query)
{
    static const char *const forms[] = {"any", "precert", "final", "poisoned"};
    static const char *const formats[] = {"table", "ndjson", "csv"};
    const struct wish *wish = search->wish;
    struct cmd *cmd = search->cmd;
    struct stat info;
    int form = word_of(wish->form, forms, countof(forms));
    int format = wish->format == NULL ? (int)cmd->json : word_of(wish->format, formats, countof(formats));
    if (form < 0)
        return cmd_usage(cmd, "--form: '%s' is none of any, precert, final and poisoned", wish->form);
    if (format < 0)
        return cmd_usage(cmd, "--format: '%s' is none of table, ndjson and csv", wish->format);
    if (cmd->json && format != (int)SEARCHVIEW_NDJSON)
        return cmd_usage(cmd, "--json and --format %s contradict each other", wish->format);
    if (wish->count != NULL && wish->count[0] != '\0' && strcmp(wish->count, "exact") != 0)
        return cmd_usage(cmd, "--count: '%s' is not known; write --count or --count=exact", wish->count);
    if (wish->count != NULL && (wish->all || wish->out != NULL || wish->after != NULL))
        return cmd_usage(cmd, "--count gives a number: --all, --out and --after mean nothing with it");
    if (wish->out != NULL && stat(wish->out, &info) == 0 && S_ISDIR(info.st_mode))
        return cmd_usage(cmd, "--out: '%s' is a folder", wish->out);
    if (wish->exclude_expired && wish->expired)
        return cmd_usage(cmd, "--expired and --exclude-expired leave nothing over");
    query->form = (enum query_form)form;
    search->format = (enum searchview_format)format;
    return CMD_OK;
}

static int read_bounds(const struct search *search, struct query *query)
{
    const struct wish *wish = search->wish;
    struct cmd *cmd = search->cmd;
    uint64_t limit = wish->limit != LIMIT_NOT_GIVEN ? wish->limit : wish->all ? LIMIT_SEARCH_ROWS : 100;
    if (limit == 0 || limit > LIMIT_SEARCH_ROWS)
        return cmd_usage(cmd, "--limit: %" PRIu64 " is not allowed, but 1 to %d; --all gives every page",
                         limit, LIMIT_SEARCH_ROWS);
    if (wish->since != QUERY_NO_TIME && wish->until != QUERY_NO_TIME && wish->since >= wish->until)
        return cmd_usage(cmd, "--since is not before --until: nothing lies between them");
    query->since_ms = wish->since;
    query->until_ms = wish->until;
    query->seen_since_ms = wish->seen_since;
    query->exclude_expired = wish->exclude_expired;
    query->expired = wish->expired;
    query->brief = search->format == SEARCHVIEW_TABLE;
    query->limit = (uint32_t)limit;
    query->timeout_ms = (uint32_t)(cmd->conf->db.query_timeout_s * 1000);
    return CMD_OK;
}

static int read_query(struct search *search, struct query *query)
{
    const struct wish *wish = search->wish;
    struct cmd *cmd = search->cmd;
    struct err why = {0};
    struct err warning = {0};
    if (cmd->argv[1][0] == '\0')
        return cmd_usage(cmd, "the query is empty");
    if (parse(cmd->argv[1], query, &why) != ERR_OK ||
        (wish->issuer != NULL && query->kind != QUERY_ISSUER &&
         query_parse_issuer(wish->issuer, query, &why) != ERR_OK) ||
        searchissuer_read(query, &warning, &why) != ERR_OK) {
        (void)cmd_fail(&why); /* whatever kind of error it is: it stands on the command line */
        return CMD_USAGE;
    }
    say_warning(&warning);
    if (wish->issuer != NULL && query->kind == QUERY_ISSUER)
        return cmd_usage(cmd, "--issuer: issuer: says that already");
    int status = read_choices(search, query);
    if (status == CMD_OK)
        status = read_bounds(search, query);
    if (status == CMD_OK && wish->after != NULL && query_cursor_parse(wish->after, query, &why) != ERR_OK)
        return cmd_usage(cmd, "--after: %s", why.text);
    return status;
}

int cmd_search(struct cmd *cmd)
{
    struct wish wish = {.since = QUERY_NO_TIME,
                        .until = QUERY_NO_TIME,
                        .seen_since = QUERY_NO_TIME,
                        .limit = LIMIT_NOT_GIVEN,
                        .form = "any"};
    struct search search = {.cmd = cmd, .wish = &wish};
    struct query query;
    int operands;
    const struct opt options[] = {
        {"since", OPT_TIME, &wish.since, "TIME", "only certificates whose validity begins at TIME or later"},
        {"until", OPT_TIME, &wish.until, "TIME", "only certificates whose validity begins before TIME"},
        {"seen-since", OPT_TIME, &wish.seen_since, "TIME", "only certificates first logged at TIME or later"},
        {"exclude-expired", OPT_FLAG, &wish.exclude_expired, NULL, "leave out what has expired"},
        {"expired", OPT_FLAG, &wish.expired, NULL, "only what has expired"},
        {"form", OPT_TEXT, &wish.form, "FORM", "precert, final, poisoned or any: logged in that form"},
        {"issuer", OPT_TEXT, &wish.issuer, "ISSUER",
         "only of these: id, part of the name, ca:OWNER, spki:HEX, cert:FILE or letsencrypt.org"},
        {"limit", OPT_NUMBER, &wish.limit, "N",
         "at most N certificates (100), or rows of a page with --all (10000)"},
        {"after", OPT_TEXT, &wish.after, "CURSOR", "go on where the page with this cursor ended"},
        {"all", OPT_FLAG, &wish.all, NULL, "every page"},
        {"count", OPT_MAYBE, &wish.count, "[=exact]", "how many there are; above 10000 only with =exact"},
        {"format", OPT_TEXT, &wish.format, "FORMAT", "table, ndjson or csv"},
        {"out", OPT_FILE, &wish.out, "FILE", "write to FILE, which appears when it is whole"},
        {0},
    };
    if (cmd->help)
        return cmd_help(
            "ctvigil search [KIND:]QUERY [options]",
            "Finds certificates, the newest first. KIND is host, name, sub, wildcard, serial, sha256, "
            "spki, fp, ip,\n"
            "email, uri, org, cn, issuer (or ca) or text; without it a domain means sub: (the domain and "
            "everything\n"
            "below it), an address email: or ip:, 64 hex digits try sha256, spki and fp.",
            options);
    if (!opt_parse(options, "QUERY", cmd->argc, cmd->argv, &operands))
        return CMD_USAGE;
    int status = read_query(&search, &query);
    return status == CMD_OK ? run(&search, &query) : status;
}
