#include <arpa/inet.h>
#include <stdio.h>

#include "base/limits.h"
#include "base/text.h"
#include "cli/cmd.h"
#include "cli/opt.h"
#include "cli/watchname.h"
#include "db/query.h"

struct search {
    struct cmd *cmd;
    uint64_t rows;
};

static struct span name_text(const struct name *name, char ip[INET6_ADDRSTRLEN])
{
    if (name->kind != NAME_IP)
        return name->text;
    if (inet_ntop(name->raw.len == 4 ? AF_INET : AF_INET6, name->raw.at, ip, INET6_ADDRSTRLEN) == NULL)
        return SPAN_LIT("");
    return span_str(ip);
}

static json_t *json_names(const struct issuance *issuance, enum name_kind kind)
{
    json_t *list = json_array();
    char ip[INET6_ADDRSTRLEN];
    for (size_t i = 0; i < issuance->name_count; i++) {
        const struct name *name = &issuance->names[i];
        if (name->kind == kind)
            (void)json_array_append_new(list, cmd_json_latin1(name_text(name, ip)));
    }
    return list;
}

/* Stored text is UTF-8; what is not (it can not be, but this is output) goes out byte by byte. */
static json_t *json_utf8(struct span text)
{
    json_t *value = text.at != NULL ? json_stringn((const char *)text.at, text.len) : json_null();
    return value != NULL ? value : cmd_json_latin1(text);
}

/* Signed, without leading zeros: how a serial number is written everywhere in ctvigil. */
static const char *serial_text(struct span serial, char *out, size_t out_cap)
{
    uint8_t bytes[128];
    char hex[2 * sizeof bytes + 1];
    if (serial.len == 0 || serial.len > sizeof bytes || out_cap < sizeof hex + 1)
        return "";
    bool negative = (serial.at[0] & 0x80u) != 0;
    unsigned carry = 1;
    memcpy(bytes, serial.at, serial.len);
    for (size_t i = serial.len; negative && i > 0; i--) {
        unsigned value = (unsigned)(uint8_t)~bytes[i - 1] + carry;
        bytes[i - 1] = (uint8_t)value;
        carry = value >> 8;
    }
    const char *digits = text_hex(span_of(bytes, serial.len), hex);
    while (digits[0] == '0' && digits[1] != '\0')
        digits++;
    (void)snprintf(out, out_cap, "%s%s", negative ? "-" : "", digits);
    return out;
}

static void print_json(const struct query_row *row)
{
    const struct issuance *issuance = row->issuance;
    char serial[300];
    json_t *line = json_pack("{s:s, s:o, s:s}", "schema", "ctvigil.search.1", "tbs_fp",
                             cmd_json_hex(span_of(issuance->tbs_fp, 32)), "serial",
                             serial_text(issuance->serial, serial, sizeof serial));
    (void)json_object_set_new(line, "issuer", json_utf8(row->issuer));
    (void)json_object_set_new(line, "issuer_spki_sha256",
                              issuance->issuer_known ? cmd_json_hex(span_of(issuance->issuer_spki_sha256, 32))
                                                     : json_null());
    (void)json_object_set_new(line, "spki_sha256", cmd_json_hex(span_of(issuance->spki_sha256, 32)));
    (void)json_object_set_new(line, "subject_cn", json_utf8(issuance->subject_cn));
    (void)json_object_set_new(line, "not_before", cmd_json_time(issuance->not_before * 1000));
    (void)json_object_set_new(line, "not_after", cmd_json_time(issuance->not_after * 1000));
    (void)json_object_set_new(line, "names", json_names(issuance, NAME_DNS));
    (void)json_object_set_new(line, "ips", json_names(issuance, NAME_IP));
    (void)json_object_set_new(
        line, "forms", json_pack("{s:b, s:b}", "precert", (int)row->precert, "final", (int)row->final));
    (void)json_object_set_new(line, "sightings", json_integer((json_int_t)row->sightings));
    (void)json_object_set_new(line, "sightings_unassigned", json_integer((json_int_t)row->unassigned));
    (void)json_object_set_new(line, "first_seen", cmd_json_time(row->first_seen_ms));
    (void)json_object_set_new(line, "log", json_utf8(span_str(row->log)));
    (void)json_object_set_new(line, "index", json_integer((json_int_t)row->index));
    (void)json_object_set_new(line, "id", json_integer(row->id));
    cmd_print_json(line);
}

static void print_line(const struct query_row *row)
{
    const struct issuance *issuance = row->issuance;
    char from[TEXT_TIME_MAX];
    char to[TEXT_TIME_MAX];
    char ip[INET6_ADDRSTRLEN];
    char serial[300];
    (void)text_time(issuance->not_before * 1000, false, from);
    (void)text_time(issuance->not_after * 1000, false, to);
    printf("%.10s  %.10s  ", from, to);
    struct span first =
        issuance->name_count != 0 ? name_text(&issuance->names[0], ip) : SPAN_LIT("(no name)");
    cmd_print_visible(first, 40);
    if (issuance->name_count > 1)
        printf(" +%-4zu ", issuance->name_count - 1);
    else
        printf("       ");
    cmd_print_visible(row->issuer, 40);
    printf("  %s\n", serial_text(issuance->serial, serial, sizeof serial));
}

static enum err_code found(void *arg, const struct query_row *row, struct err *why)
{
    struct search *search = arg;
    (void)why;
    if (search->rows++ == 0 && !search->cmd->json)
        printf("%-10s  %-10s  %-40s %-6s %-40s  %s\n", "not before", "not after", "name", "more", "issuer",
               "serial");
    if (search->cmd->json)
        print_json(row);
    else
        print_line(row);
    return ERR_OK;
}

/* Nothing was found: what looks like a serial number may have been meant as one. */
static void hint(const char *typed)
{
    if (strlen(typed) >= 8 && typed[strspn(typed, "0123456789abcdefABCDEF")] == '\0')
        fprintf(stderr, "ctvigil: there is no such domain; if it is a serial number: serial:%s\n", typed);
}

static int run(struct cmd *cmd, const struct query *query)
{
    struct search search = {.cmd = cmd};
    struct query_cursor next;
    struct err why = {0};
    struct pgconn *conn;
    char cursor[QUERY_CURSOR_MAX];
    bool more;
    if (cmd_db_open(cmd, &conn, &why) != ERR_OK)
        return cmd_fail(&why);
    enum err_code code = query_run(conn, query, found, &search, &next, &more, &why);
    cmd_db_close(conn);
    if (code != ERR_OK)
        return cmd_fail(&why);
    if (search.rows == 0)
        hint(cmd->argv[1]);
    if (more && cmd->json)
        printf("{\"cursor\":\"%s\"}\n", query_cursor_text(&next, cursor));
    else if (more)
        fprintf(stderr, "ctvigil: there are more: --after %s\n", query_cursor_text(&next, cursor));
    return CMD_OK;
}

/* Reads what was typed. What is meant as a domain and is none (a URL, host:port, 1.2.3.400) is refused with
 * what to write instead: it would find nothing, and that looks like an answer. */
static enum err_code parse(const char *typed, struct query *query, struct err *why)
{
    static const char *const kinds[] = {"sub:", "host:", "name:"};
    struct watch ignored = {0};
    struct err better = {0};
    char name[DNS_TEXT_MAX];
    enum err_code code = query_parse(typed, query, why);
    bool domain = query->kind == QUERY_SUB || query->kind == QUERY_HOST || query->kind == QUERY_NAME;

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

int cmd_search(struct cmd *cmd)
{
    struct query query;
    struct err why = {0};
    const char *after = NULL;
    int64_t since = QUERY_NO_TIME;
    int64_t until = QUERY_NO_TIME;
    int64_t seen_since = QUERY_NO_TIME;
    bool exclude_expired = false;
    uint64_t limit = 100;
    int operands;
    const struct opt options[] = {
        {"since", OPT_TIME, &since, "TIME", "only certificates whose validity begins at TIME or later"},
        {"until", OPT_TIME, &until, "TIME", "only certificates whose validity begins before TIME"},
        {"seen-since", OPT_TIME, &seen_since, "TIME", "only certificates first logged at TIME or later"},
        {"exclude-expired", OPT_FLAG, &exclude_expired, NULL, "leave out what has expired"},
        {"limit", OPT_NUMBER, &limit, "N", "at most N certificates (100)"},
        {"after", OPT_TEXT, &after, "CURSOR", "go on where the page with this cursor ended"},
        {0},
    };
    if (cmd->help)
        return cmd_help("ctvigil search [KIND:]QUERY [options]",
                        "Finds certificates, the newest first. KIND is host, name, sub, serial, sha256, "
                        "spki, fp or ip; without\n"
                        "it a domain means sub: (the domain and everything below it), 64 hex digits try "
                        "sha256, spki and fp.",
                        options);
    if (!opt_parse(options, "QUERY", cmd->argc, cmd->argv, &operands))
        return CMD_USAGE;
    if (limit == 0 || limit > LIMIT_SEARCH_ROWS)
        return cmd_usage(cmd, "--limit: %" PRIu64 " is not allowed, but 1 to %d", limit, LIMIT_SEARCH_ROWS);
    if (cmd->argv[1][0] == '\0')
        return cmd_usage(cmd, "the query is empty");
    if (since != QUERY_NO_TIME && until != QUERY_NO_TIME && since >= until)
        return cmd_usage(cmd, "--since is not before --until: nothing lies between them");
    if (parse(cmd->argv[1], &query, &why) != ERR_OK) {
        (void)cmd_fail(&why); /* whatever kind of error it is: it stands on the command line */
        return CMD_USAGE;
    }
    if (after != NULL && !query_cursor_parse(after, &query.after))
        return cmd_usage(cmd, "--after: '%s' is not the cursor of a page before", after);
    query.has_after = after != NULL;
    query.since_ms = since;
    query.until_ms = until;
    query.seen_since_ms = seen_since;
    query.exclude_expired = exclude_expired;
    query.limit = (uint32_t)limit;
    return run(cmd, &query);
}
