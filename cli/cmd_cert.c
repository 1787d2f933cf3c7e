/* ctvigil cert: what the parser sees in files. The kind of each file is recognised by its content. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/dns.h"
#include "base/limits.h"
#include "base/text.h"
#include "cli/certview.h"
#include "cli/cmd.h"
#include "cli/opt.h"
#include "cli/pem.h"
#include "ingest/examine.h"
#include "parser/der.h"
#include "parser/getentries.h"
#include "parser/leaf.h"

#define USAGE       "ctvigil cert [--strict] [--json] FILE...|-"
#define ENTRIES_MAX 65536

struct run {
    const struct cmd *cmd;
    const char *origin; /* file name, for messages */
    struct arena arena;
    size_t shown;
    bool broken; /* some finding is of severity broken */
};

static void show(struct run *run, const struct certview *view)
{
    struct finding_set findings;

    certview_findings(view, &findings);
    run->shown++;
    run->broken = run->broken || finding_any_broken(&findings);
    if (run->cmd->json)
        cmd_print_json(certview_json(view));
    else
        certview_print(view, run->origin);
}

static void show_certificate(struct run *run, struct span der)
{
    struct issuance issuance;
    struct cert cert;
    uint8_t sha256[32];
    size_t mark = arena_mark(&run->arena);

    (void)examine_certificate(der, &run->arena, &cert, &issuance, sha256);
    show(run, &(struct certview){.cert = &cert, .issuance = &issuance, .sha256 = sha256});
    arena_rewind(&run->arena, mark);
}

static void show_entry(struct run *run, struct entry *entry)
{
    bool has_sha256 = entry->kind == ENTRY_X509 || entry->unverified_precert.at != NULL;

    examine_entry(entry, &run->arena);
    show(run, &(struct certview){.cert = &entry->cert,
                                 .issuance = &entry->issuance,
                                 .sha256 = has_sha256 ? entry->sighting.sha256 : NULL,
                                 .entry = entry});
}

/* A leaf_input needs a zero byte in front (ingest/examine.h). */
static enum err_code show_leaf(struct run *run, struct span leaf, struct err *why)
{
    uint8_t *copy = arena_take(&run->arena, leaf.len + 1, 1);
    struct entry entry = {.kind = ENTRY_OPAQUE};

    if (copy == NULL)
        return err_set(why, ERR_TOO_BIG, "%s: too big", run->origin);
    copy[0] = 0;
    memcpy(copy + 1, leaf.at, leaf.len);
    leaf_read(span_of(copy + 1, leaf.len), &entry);
    show_entry(run, &entry);
    return ERR_OK;
}

static enum err_code show_tile(struct run *run, struct span tile, struct err *why)
{
    struct cur cur = cur_of(tile);
    uint64_t index = 0;
    uint8_t *room;

    for (unsigned i = 0; cur_left(&cur) != 0; i++) {
        struct entry entry = {.kind = ENTRY_OPAQUE, .index = index + i};
        size_t mark = arena_mark(&run->arena);
        size_t size = leaf_tile_room(&cur) + 1;
        if ((room = arena_take(&run->arena, size, 1)) == NULL)
            return err_set(why, ERR_TOO_BIG, "%s: too big", run->origin);
        room[0] = 0;
        struct cur again = cur;
        if (!leaf_read_tile(&cur, room + 1, size - 1, &entry))
            return err_set(why, ERR_FORMAT, "%s: not a data tile from byte %zu of %zu on", run->origin,
                           (size_t)(cur.at - tile.at), tile.len);
        if (i == 0 && entry.leaf_index >= 0) {
            /* The tile does not say where it stands; its first entry does. */
            index = (uint64_t)entry.leaf_index;
            cur = again;
            entry = (struct entry){.kind = ENTRY_OPAQUE, .index = index};
            must(leaf_read_tile(&cur, room + 1, size - 1, &entry));
        }
        show_entry(run, &entry);
        arena_rewind(&run->arena, mark);
    }
    return ERR_OK;
}

static void show_item(struct run *run, const struct getentries_item *item)
{
    struct entry entry = {.kind = ENTRY_OPAQUE};
    size_t mark = arena_mark(&run->arena);

    leaf_read(item->leaf_input, &entry);
    leaf_read_extra(item->extra_data, &entry);
    show_entry(run, &entry);
    arena_rewind(&run->arena, mark);
}

static enum err_code show_json(struct run *run, struct span text, struct err *why)
{
    static const char head[] = "{\"entries\":[";
    struct getentries_item *items = arena_zeroed(&run->arena, ENTRIES_MAX, sizeof *items);
    struct err first = {0};
    size_t count;

    if (items == NULL)
        return err_set(why, ERR_TOO_BIG, "%s: too big", run->origin);
    if (getentries_decode(text, &run->arena, items, ENTRIES_MAX, &count, &first) != ERR_OK) {
        /* One entry alone, as get-entry-and-proof gives it: the same object without the list around it. */
        size_t len = text.len + sizeof head - 1 + 2;
        char *wrapped = arena_take(&run->arena, len, 1);
        if (wrapped == NULL)
            return err_set(why, ERR_TOO_BIG, "%s: too big", run->origin);
        memcpy(wrapped, head, sizeof head - 1);
        memcpy(wrapped + sizeof head - 1, text.at, text.len);
        memcpy(wrapped + len - 2, "]}", 2);
        if (getentries_decode(span_of(wrapped, len), &run->arena, items, 1, &count, NULL) != ERR_OK)
            return err_set(why, first.code, "%s: %s", run->origin, first.text);
    }
    for (size_t i = 0; i < count; i++)
        show_item(run, &items[i]);
    return ERR_OK;
}

static bool holds_certificate(struct span label)
{
    return span_eq(label, SPAN_LIT("CERTIFICATE")) || span_eq(label, SPAN_LIT("X509 CERTIFICATE")) ||
           span_eq(label, SPAN_LIT("TRUSTED CERTIFICATE"));
}

static enum err_code show_pem(struct run *run, struct span text, struct err *why)
{
    struct pem pem = pem_of(text);
    struct pem_block block;
    size_t before = run->shown;
    size_t len;

    /* A block that can not be read hides none of those behind it. */
    for (unsigned number = 1; pem_next(&pem, &block); number++) {
        if (!holds_certificate(block.label))
            continue;
        uint8_t *der = arena_take(&run->arena, block.body.len + 1, 1);
        if (der == NULL)
            return err_set(why, ERR_TOO_BIG, "%s: too big", run->origin);
        if (pem_decode(block.body, der, &len))
            show_certificate(run, span_of(der, len));
        else
            (void)err_set(why, ERR_FORMAT, "%s: PEM block %u is not base64", run->origin, number);
    }
    if (run->shown == before && why->code == ERR_OK)
        return err_set(why, ERR_FORMAT, "%s: no complete PEM block with a certificate", run->origin);
    return why->code;
}

/* Text may begin with the byte of a SEQUENCE, which is "0": then its length runs past the end, and a PEM
 * block follows. */
static bool is_der(struct span bytes)
{
    struct finding_set ignored = {{0, 0}};
    struct der in = der_of(bytes, &ignored);
    struct der_item item;
    bool cut = false;

    return bytes.len != 0 && bytes.at[0] == DER_SEQUENCE && der_next_cut(&in, &item, &cut) &&
           !(cut && pem_is(bytes));
}

static enum err_code show_bytes(struct run *run, struct span bytes, struct err *why)
{
    size_t white = 0;

    while (white < bytes.len && strchr(" \t\r\n", bytes.at[white]) != NULL && bytes.at[white] != 0)
        white++;
    if (is_der(bytes)) {
        show_certificate(run, bytes);
        return ERR_OK;
    }
    if (pem_is(bytes))
        return show_pem(run, bytes, why);
    if (white < bytes.len && bytes.at[white] == '{')
        return show_json(run, bytes, why);
    /* Both begin with a time in milliseconds, a leaf after version and type: 00 00 | 00 00 01 9x .. */
    if (bytes.len > 15 && bytes.at[0] == 0 && bytes.at[1] == 0)
        return bytes.at[2] == 0 && bytes.at[3] == 0 ? show_leaf(run, bytes, why) : show_tile(run, bytes, why);
    return err_set(why, ERR_FORMAT,
                   "%s: neither a certificate (DER, PEM) nor a leaf, a data tile or a get-entries reply",
                   run->origin);
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
        return err_set(why, ERR_SYSTEM, "%s: %s", run->origin, strerror(errno));
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

static int show_file(struct run *run, const char *path)
{
    struct err why = {0};
    struct span bytes = SPAN_NONE;
    int result = CMD_OK;

    if (path[0] == '\0')
        return cmd_usage(run->cmd, "the name of a file is empty; name one, or - for standard input");
    if (is_hash(path))
        return cmd_usage(run->cmd,
                         "%s: a certificate can not be asked for by its hash yet, only read from a file"
                         " (PEM, DER, leaf, tile, get-entries) or - for standard input; 'ctvigil search'"
                         " finds its names",
                         path);
    run->origin = path;
    enum err_code code = read_file(run, &bytes, &why);
    if (code == ERR_OK)
        code = show_bytes(run, bytes, &why);
    if (code != ERR_OK)
        result = cmd_fail(&why);
    arena_reset(&run->arena, LIMIT_BATCH_KEEP);
    return result;
}

int cmd_cert(struct cmd *cmd)
{
    struct run run = {.cmd = cmd};
    bool strict = false;
    int result = CMD_OK;
    int operands;
    const struct opt options[] = {
        {"strict", OPT_FLAG, &strict, NULL, "exit 1 when a part of some certificate can not be read"},
        {NULL, OPT_FLAG, NULL, NULL, NULL},
    };

    if (cmd->help)
        return cmd_help(USAGE,
                        "Shows what the parser sees in certificates (DER, PEM bundles), in log leaves, data "
                        "tiles and get-entries replies; - is standard input.",
                        options);
    if (!opt_parse(options, "FILE...", cmd->argc, cmd->argv, &operands))
        return CMD_USAGE;
    struct err why = {0};
    if (dns_psl_load(SPAN_NONE, &why) != ERR_OK)
        return cmd_fail(&why);
    if (!arena_init(&run.arena, LIMIT_BIG_BATCH_BYTES)) {
        (void)err_set(&why, ERR_MEMORY, "no address space for %u bytes", LIMIT_BIG_BATCH_BYTES);
        return cmd_fail(&why);
    }
    for (int i = 1; i <= operands; i++) {
        int one = show_file(&run, cmd->argv[i]);
        if (one != CMD_OK && (result == CMD_OK || one < result))
            result = one;
    }
    arena_fini(&run.arena);
    if (strict && run.broken)
        result = CMD_FINDINGS;
    return result;
}
