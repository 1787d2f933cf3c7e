/* ctvigil cert: what the parser sees in files. The kind of each file is recognised by its content. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/dns.h"
#include "base/limits.h"
#include "base/text.h"
#include "cli/certfile.h"
#include "cli/certfind.h"
#include "cli/certhuman.h"
#include "cli/certout.h"
#include "cli/cmd.h"
#include "cli/opt.h"

#define USAGE                                                                                                \
    "ctvigil cert [--strict] [--all] [--color auto|always|never] [--json | --der | --pem] [--out FILE]"      \
    " FILE...|-|SHA256|TBS_FP"
#define TEXT_MOST (1u << 30) /* of one certificate of 16 MB with every byte as \xHH, several times over */

struct run {
    const struct cmd *cmd;
    const char *origin; /* file name, for messages */
    struct arena arena;
    struct certhuman how;
    bool too_long; /* some text did not fit into TEXT_MOST */
    struct certout out;
    bool broken; /* some finding is of severity broken */
};

static void show_text(struct run *run, const struct certview *view)
{
    struct buf text;

    buf_init(&text, TEXT_MOST);
    certhuman_text(view, &run->how, &text);
    if (buf_ok(&text))
        (void)fwrite(text.at, 1, text.len, stdout);
    run->too_long = run->too_long || !buf_ok(&text);
    buf_fini(&text);
}

static void show(void *arg, const struct certview *view)
{
    struct run *run = arg;
    struct finding_set findings;

    certview_findings(view, &findings);
    run->broken = run->broken || finding_any_broken(&findings);
    if (run->out.form != CERTOUT_NONE)
        certout_put(&run->out, view);
    else if (run->cmd->json)
        cmd_print_json(certview_json(view));
    else
        show_text(run, view);
}

/* A hash that is cut off, or has colons as openssl writes it. */
static bool is_nearly_hash(const char *text)
{
    size_t len = strlen(text);

    return len >= 32 && strspn(text, "0123456789abcdefABCDEF:") == len;
}

static enum err_code read_file(struct run *run, struct span *bytes, struct err *why)
{
    bool std = strcmp(run->origin, "-") == 0;
    FILE *file = std ? stdin : fopen(run->origin, "rb");
    enum err_code code = ERR_OK;
    size_t len = 0;
    uint8_t *room;

    if (std)
        run->origin = "standard input";
    if (file == NULL)
        return err_set(why, ERR_SYSTEM, "%s: %s%s", run->origin, strerror(errno),
                       is_nearly_hash(run->origin) ? "; a hash is 64 hex digits and nothing between them"
                                                   : "");
    room = arena_take(&run->arena, LIMIT_JSON_BYTES + 1, 1);
    must(room != NULL);
    len = fread(room, 1, LIMIT_JSON_BYTES + 1, file);
    if (ferror(file) != 0)
        code = err_set(why, ERR_SYSTEM, "%s: %s", run->origin, strerror(errno));
    else if (len > LIMIT_JSON_BYTES)
        code = err_set(why, ERR_TOO_BIG, "%s: larger than %u bytes", run->origin, LIMIT_JSON_BYTES);
    else if (len == 0)
        code = err_set(why, ERR_FORMAT, "%s: empty", run->origin);
    if (!std)
        (void)fclose(file);
    /* Only what was read stays taken. */
    arena_rewind(&run->arena, arena_mark(&run->arena) - (LIMIT_JSON_BYTES + 1 - len));
    *bytes = span_of(room, len);
    return code;
}

static bool is_hash(const char *text)
{
    uint8_t bytes[32];

    return strlen(text) == 64 && text_unhex(span_str(text), bytes, sizeof bytes) && access(text, F_OK) != 0;
}

static enum err_code read_stored(struct run *run, struct span *bytes, struct err *why)
{
    uint8_t hash[32];

    must(text_unhex(span_str(run->origin), hash, sizeof hash));
    return certfind_get(run->cmd, run->origin, hash, &run->arena, bytes, why);
}

static int show_file(struct run *run, const char *path)
{
    struct err why = {0};
    struct span bytes = SPAN_NONE;
    int result = CMD_OK;

    if (path[0] == '\0')
        return cmd_usage(run->cmd, "the name of a file is empty; name one, or - for standard input");
    run->origin = path;
    enum err_code code = is_hash(path) ? read_stored(run, &bytes, &why) : read_file(run, &bytes, &why);
    if (code == ERR_OK)
        code = certfile_walk(run->origin, bytes, &run->arena, show, run, &why);
    if (code == ERR_OK && run->too_long)
        code = err_set(&why, ERR_TOO_BIG, "%s: too long to be shown; --json shows it", run->origin);
    run->too_long = false;
    if (code != ERR_OK)
        result = cmd_fail(&why);
    arena_reset(&run->arena, LIMIT_BATCH_KEEP);
    return result;
}

/* https://no-color.org: set and not empty means none. */
static bool wants_color(const char *choice)
{
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");

    if (strcmp(choice, "auto") != 0)
        return strcmp(choice, "always") == 0;
    return isatty(STDOUT_FILENO) == 1 && (no_color == NULL || no_color[0] == '\0') &&
           (term == NULL || strcmp(term, "dumb") != 0);
}

/* How it comes out, as asked for; CMD_OK, or the exit code after it was said what is wrong. */
static int choose_out(struct run *run, bool der, bool pem, const char *path)
{
    struct err why = {0};
    enum certout_form form = der ? CERTOUT_DER : pem ? CERTOUT_PEM : CERTOUT_NONE;

    if (der + pem + run->cmd->json > 1)
        return cmd_usage(run->cmd, "--json, --der and --pem: only one of them");
    if (path != NULL && form == CERTOUT_NONE)
        return cmd_usage(run->cmd, "--out: only with --der or --pem");
    return certout_open(&run->out, form, path, &why) == ERR_OK ? CMD_OK : cmd_fail(&why);
}

static int close_out(struct run *run, int result)
{
    struct err why = {0};

    if (certout_close(&run->out, result == CMD_OK, &why) == ERR_OK)
        return result;
    int failed = cmd_fail(&why);
    return result == CMD_OK || failed < result ? failed : result;
}

int cmd_cert(struct cmd *cmd)
{
    struct run run = {.cmd = cmd};
    const char *color = "auto";
    const char *path = NULL;
    bool strict = false;
    bool der = false;
    bool pem = false;
    int result = CMD_OK;
    int operands;
    const struct opt options[] = {
        {"strict", OPT_FLAG, &strict, NULL, "exit 1 when a part of some certificate can not be read"},
        {"all", OPT_FLAG, &run.how.all, NULL, "show long lists and long texts to their end"},
        {"der", OPT_FLAG, &der, NULL, "write the certificate itself, in DER"},
        {"pem", OPT_FLAG, &pem, NULL, "write the certificate itself, in PEM"},
        {"out", OPT_FILE, &path, "FILE", "where --der and --pem write to, in place of standard output"},
        {"color", OPT_TEXT, &color, "WHEN", "auto (on a terminal, unless NO_COLOR is set), always or never"},
        {NULL, OPT_FLAG, NULL, NULL, NULL},
    };

    if (cmd->help)
        return cmd_help(
            USAGE,
            "Shows what is in certificates, precertificates and log entries. The content of a "
            "file says what it is: PEM, DER, PKCS#7, leaf_input, data tile, get-entries or "
            "get-roots reply, also in base64, hex or gzip; - is standard input. 64 hex digits are "
            "the SHA-256 of a certificate or precertificate, or the fingerprint (tbs_fp) of both, that "
            "the database knows: what is not kept whole (db.der) is read from its log again, and "
            "its hash compared.",
            options);
    if (!opt_parse(options, "FILE...", cmd->argc, cmd->argv, &operands))
        return CMD_USAGE;
    if (strcmp(color, "auto") != 0 && strcmp(color, "always") != 0 && strcmp(color, "never") != 0)
        return cmd_usage(cmd, "--color %s: wanted is auto, always or never", color);
    run.how.color = wants_color(color);
    run.how.columns = cmd_columns();
    run.how.now_s = clock_wall_ms() / 1000;
    struct err why = {0};
    if (dns_psl_load(SPAN_NONE, &why) != ERR_OK)
        return cmd_fail(&why);
    if (!arena_init(&run.arena, LIMIT_BIG_BATCH_BYTES)) {
        (void)err_set(&why, ERR_MEMORY, "no address space for %u bytes", LIMIT_BIG_BATCH_BYTES);
        return cmd_fail(&why);
    }
    if ((result = choose_out(&run, der, pem, path)) != CMD_OK) {
        arena_fini(&run.arena);
        return result;
    }
    for (int i = 1; i <= operands; i++) {
        int one = show_file(&run, cmd->argv[i]);
        if (one != CMD_OK && (result == CMD_OK || one < result))
            result = one;
    }
    result = close_out(&run, result);
    arena_fini(&run.arena);
    if (strict && run.broken)
        result = CMD_FINDINGS;
    return result;
}
