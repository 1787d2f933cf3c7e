#include "verify/checkpoint.h"

#include "base/cur.h"
#include "base/limits.h"
#include "base/text.h"
#include "verify/digest.h"
#include "verify/sth.h"

#define CHECKPOINT_DASH      "\xe2\x80\x94 " /* U+2014 and a space open a signature line */
#define CHECKPOINT_SIG_MIN   5               /* key id and at least one byte */
#define CHECKPOINT_SIG_MAX   1200            /* ours: key id, timestamp, an RSA signature of 8192 bits */
#define CHECKPOINT_ROOT_TEXT 44

struct checkpoint_text {
    struct span origin;
    struct span size;
    struct span root;
    struct span signatures; /* the lines behind the blank line */
};

void checkpoint_key_id(const struct ctlog *log, uint8_t out[4])
{
    struct span pieces[3] = {span_str(log->origin), SPAN_LIT("\n\x05"),
                             span_of(log->log_id, sizeof log->log_id)};
    uint8_t digest[32];

    digest_sha256_pieces(pieces, countof(pieces), digest);
    memcpy(out, digest, 4);
}

/* Length of the UTF-8 sequence at the cursor's position (RFC 3629 section 4); 0: not one. */
static size_t checkpoint_utf8(struct span text)
{
    uint8_t lead = text.at[0];
    size_t length = lead < 0x80   ? 1
                    : lead < 0xc2 ? 0
                    : lead < 0xe0 ? 2
                    : lead < 0xf0 ? 3
                    : lead < 0xf5 ? 4
                                  : 0;

    if (length == 0 || length > text.len)
        return 0;
    for (size_t i = 1; i < length; i++) {
        if ((text.at[i] & 0xc0) != 0x80)
            return 0;
    }
    if ((lead == 0xe0 && text.at[1] < 0xa0) || (lead == 0xed && text.at[1] > 0x9f) ||
        (lead == 0xf0 && text.at[1] < 0x90) || (lead == 0xf4 && text.at[1] > 0x8f))
        return 0;
    return length;
}

/* signed-note: valid UTF-8, no control characters but the newline. */
static bool checkpoint_is_text(struct span note)
{
    size_t at = 0;

    while (at < note.len) {
        size_t length = checkpoint_utf8(span_part(note, at, note.len));
        if (length == 0 || (note.at[at] < 0x20 && note.at[at] != '\n'))
            return false;
        at += length;
    }
    return true;
}

/* Takes one line without its newline; false at the end or when the newline is missing. */
static bool checkpoint_line(struct span *rest, struct span *line)
{
    const uint8_t *newline = rest->len == 0 ? NULL : memchr(rest->at, '\n', rest->len);

    if (newline == NULL)
        return false;
    *line = span_part(*rest, 0, (size_t)(newline - rest->at));
    *rest = span_part(*rest, line->len + 1, rest->len);
    return true;
}

/* Text and signatures part at the last blank line. */
static bool checkpoint_split(struct span note, struct checkpoint_text *out)
{
    size_t at = note.len;
    struct span text;

    while (at >= 2 && !(note.at[at - 1] == '\n' && note.at[at - 2] == '\n'))
        at--;
    if (at < 2)
        return false;
    text = span_part(note, 0, at - 1);
    out->signatures = span_part(note, at, note.len);
    if (!checkpoint_line(&text, &out->origin) || !checkpoint_line(&text, &out->size) ||
        !checkpoint_line(&text, &out->root))
        return false;
    /* tlog-checkpoint would allow extension lines; static-ct-api forbids them beside our kind of signature.
     */
    return text.len == 0;
}

static bool checkpoint_size(struct span text, uint64_t *size)
{
    if (text.len == 0 || (text.at[0] == '0' && text.len > 1))
        return false;
    return text_uint(text, size) && *size <= LIMIT_TREE_SIZE;
}

static bool checkpoint_base64_char(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
}

/* Lines of other signers are not decoded (they may be long), but they must be well-formed. */
static bool checkpoint_base64_ok(struct span text)
{
    size_t len = text.len;

    if (len < 8 || len % 4 != 0)
        return false;
    for (unsigned pad = 0; pad < 2 && text.at[len - 1] == '='; pad++)
        len--;
    for (size_t i = 0; i < len; i++) {
        if (!checkpoint_base64_char(text.at[i]))
            return false;
    }
    return len * 3 / 4 >= CHECKPOINT_SIG_MIN;
}

/* A signature line into its key name and the base64 of key id and signature. */
static bool checkpoint_signature(struct span line, struct span *name, struct span *base64)
{
    struct span dash = SPAN_LIT(CHECKPOINT_DASH);
    const uint8_t *space;

    if (!span_starts(line, dash))
        return false;
    line = span_part(line, dash.len, line.len);
    space = line.len == 0 ? NULL : memchr(line.at, ' ', line.len);
    if (space == NULL || space == line.at)
        return false;
    *name = span_part(line, 0, (size_t)(space - line.at));
    *base64 = span_part(line, name->len + 1, line.len);
    return memchr(name->at, '+', name->len) == NULL && checkpoint_base64_ok(*base64);
}

/* Does the signature begin with our key id? Only its first six bytes are decoded. */
static bool checkpoint_is_ours(struct span base64, const uint8_t key_id[4])
{
    uint8_t first[6];
    size_t length = 0;

    return text_unbase64(span_part(base64, 0, 8), first, sizeof first, &length) && length >= 4 &&
           memcmp(first, key_id, 4) == 0;
}

/* RFC6962NoteSignature: u64 timestamp and DigitallySigned over the tree head, not over the note. */
static enum err_code checkpoint_check(const struct ctlog *log, struct span base64, uint64_t size,
                                      const uint8_t root[32], struct head *head, struct err *why)
{
    uint8_t bytes[CHECKPOINT_SIG_MAX];
    size_t length = 0;
    struct cur cur;
    uint64_t timestamp;
    struct span digitally_signed;
    struct err inner = {0};
    enum err_code code;

    if (!text_unbase64(base64, bytes, sizeof bytes, &length))
        return err_set(why, ERR_SIGNATURE, "%s: the checkpoint's signature of our key is unreadable",
                       log->name);
    cur = cur_of(span_of(bytes, length));
    (void)cur_bytes(&cur, 4);
    timestamp = cur_uint(&cur, 8);
    digitally_signed = cur_bytes(&cur, cur_left(&cur));
    if (cur.failed || timestamp > INT64_MAX)
        return err_set(why, ERR_SIGNATURE, "%s: the checkpoint's signature of our key is unreadable",
                       log->name);
    code = sth_verify(log, size, (int64_t)timestamp, root, digitally_signed, head, &inner);
    /* A line under our name and key id that says nonsense is a wrong signature, whatever is wrong with it. */
    return code == ERR_OK ? ERR_OK
                          : err_set(why, code == ERR_FORMAT ? ERR_SIGNATURE : code, "%s", inner.text);
}

/* All lines are read, so that a bad one behind a good one is not overlooked. */
static enum err_code checkpoint_signatures(const struct ctlog *log, struct checkpoint_text *text,
                                           uint64_t size, const uint8_t root[32], struct head *head,
                                           struct err *why)
{
    uint8_t key_id[4];
    struct span line, name, base64;
    size_t lines = 0;
    size_t ours = 0;

    checkpoint_key_id(log, key_id);
    while (checkpoint_line(&text->signatures, &line)) {
        struct head other;
        enum err_code code;
        if (++lines > LIMIT_NOTE_LINES)
            return err_set(why, ERR_TOO_BIG, "%s: the checkpoint has more than %d signature lines", log->name,
                           LIMIT_NOTE_LINES);
        if (!checkpoint_signature(line, &name, &base64))
            return err_set(why, ERR_FORMAT, "%s: signature line %zu of the checkpoint is malformed",
                           log->name, lines);
        if (!span_eq(name, span_str(log->origin)) || !checkpoint_is_ours(base64, key_id))
            continue;
        code = checkpoint_check(log, base64, size, root, ours == 0 ? head : &other, why);
        if (code != ERR_OK)
            return code;
        ours++;
    }
    if (text->signatures.len != 0 || lines == 0)
        return err_set(why, ERR_FORMAT, "%s: the checkpoint does not end with a signature line", log->name);
    if (ours == 0)
        return err_set(why, ERR_SIGNATURE, "%s: no signature of the log's key is on the checkpoint",
                       log->name);
    return ERR_OK;
}

/* Form and origin; the signature lines are not looked at. */
static enum err_code checkpoint_parse(const struct ctlog *log, struct span note, struct checkpoint_text *text,
                                      struct head *unverified, struct err *why)
{
    size_t length = 0;

    if (note.len > LIMIT_SMALL_BYTES)
        return err_set(why, ERR_TOO_BIG, "%s: a checkpoint of %zu bytes", log->name, note.len);
    if (!checkpoint_is_text(note) || !checkpoint_split(note, text))
        return err_set(why, ERR_FORMAT, "%s: not a checkpoint of three lines and signatures", log->name);
    if (!span_eq(text->origin, span_str(log->origin)))
        return err_set(why, ERR_FORMAT, "%s: the checkpoint is of origin \"%.*s\", not \"%s\"", log->name,
                       (int)(text->origin.len < 128 ? text->origin.len : 128), (const char *)text->origin.at,
                       log->origin);
    if (!checkpoint_size(text->size, &unverified->size))
        return err_set(why, ERR_FORMAT, "%s: the checkpoint has no readable tree size", log->name);
    if (text->root.len != CHECKPOINT_ROOT_TEXT ||
        !text_unbase64(text->root, unverified->root, sizeof unverified->root, &length) ||
        length != sizeof unverified->root)
        return err_set(why, ERR_FORMAT, "%s: the checkpoint has no readable root hash", log->name);
    return ERR_OK;
}

enum err_code checkpoint_verify(const struct ctlog *log, struct span unverified_note, struct head *head,
                                struct err *why)
{
    struct checkpoint_text text = {.signatures = SPAN_NONE};
    struct head said = {0};
    struct head found = {0};
    enum err_code code = checkpoint_parse(log, unverified_note, &text, &said, why);

    if (code == ERR_OK)
        code = checkpoint_signatures(log, &text, said.size, said.root, &found, why);
    if (code != ERR_OK)
        return code;
    *head = found;
    head->raw = unverified_note;
    return ERR_OK;
}

enum err_code checkpoint_read(const struct ctlog *log, struct span unverified_note, struct head *unverified,
                              struct err *why)
{
    struct checkpoint_text text = {.signatures = SPAN_NONE};
    uint8_t key_id[4];
    struct span line, name, base64;
    uint8_t first[12]; /* key id and timestamp: 16 digits */
    size_t length = 0;
    struct head said = {.raw = unverified_note};
    enum err_code code = checkpoint_parse(log, unverified_note, &text, &said, why);

    checkpoint_key_id(log, key_id);
    while (code == ERR_OK && checkpoint_line(&text.signatures, &line)) {
        if (!checkpoint_signature(line, &name, &base64) || !span_eq(name, span_str(log->origin)) ||
            !checkpoint_is_ours(base64, key_id))
            continue;
        if (text_unbase64(span_part(base64, 0, 16), first, sizeof first, &length) && length == sizeof first)
            for (size_t i = 4; i < sizeof first; i++)
                said.timestamp_ms = (int64_t)((uint64_t)said.timestamp_ms << 8 | first[i]);
        *unverified = said;
        return ERR_OK;
    }
    return code != ERR_OK
               ? code
               : err_set(why, ERR_FORMAT, "%s: no signature line of the log is on the checkpoint", log->name);
}
