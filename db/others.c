#include "db/others.h"

#include "base/limits.h"
#include "base/text.h"
#include "db/dbkey.h"

static bool ends_host(uint8_t byte)
{
    return byte == ':' || byte == ';' || byte == ',';
}

static bool ends_authority(uint8_t byte)
{
    return byte == '/' || byte == '?' || byte == '#';
}

/* Where "user@host:port" begins: behind "scheme://", or behind "scheme:" as in sip:user@host. */
static size_t authority_at(struct span uri)
{
    const uint8_t *slashes = uri.len == 0 ? NULL : memmem(uri.at, uri.len, "://", 3);
    const uint8_t *colon = uri.len == 0 ? NULL : memchr(uri.at, ':', uri.len);

    if (slashes != NULL)
        return (size_t)(slashes - uri.at) + 3;
    return colon != NULL ? (size_t)(colon - uri.at) + 1 : uri.len;
}

struct span others_uri_host(struct span uri)
{
    size_t first = authority_at(uri);
    size_t begin = first;
    size_t end = first;
    bool likely = first >= 2 && uri.at[first - 1] == '/';

    while (end < uri.len && !ends_authority(uri.at[end]))
        end++;
    for (size_t i = first; i < end; i++) {
        if (uri.at[i] == '@')
            begin = i + 1;
    }
    bool bracket = begin < end && uri.at[begin] == '[';
    size_t host = begin += bracket;
    while (host < end && (bracket ? uri.at[host] != ']' : !ends_host(uri.at[host])))
        host++;
    likely = likely || begin != first || (host != begin && memchr(uri.at + begin, '.', host - begin) != NULL);
    while (!bracket && host > begin && uri.at[host - 1] == '.')
        host--;
    return likely ? span_part(uri, begin, host) : SPAN_NONE;
}

struct span others_uri_where(struct span uri)
{
    struct span host = others_uri_host(uri);
    size_t most = OTHERS_KEY_MAX - strlen("uri:");
    return host.len != 0 ? host : span_part(uri, 0, uri.len < most ? uri.len : most);
}

struct span others_email_host(struct span email)
{
    for (size_t at = email.len; at > 0; at--) {
        if (email.at[at - 1] == '@')
            return span_part(email, at, email.len);
    }
    return SPAN_NONE;
}

static uint8_t lower(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + 32) : byte;
}

size_t others_host_key(const char *prefix, struct span host, uint8_t out[OTHERS_KEY_MAX])
{
    size_t head = strlen(prefix);
    must(head < OTHERS_KEY_MAX);
    if (host.len == 0 || host.len > OTHERS_KEY_MAX - head)
        return 0;
    memcpy(out, prefix, head);
    for (size_t i = 0; i < host.len; i++)
        out[head + i] = lower(host.at[i]);
    return head + host.len;
}

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

size_t others_text_key(const char *prefix, struct span text, uint8_t out[OTHERS_KEY_MAX])
{
    size_t head = strlen(prefix);
    size_t len = head;
    bool gap = false;
    must(head < OTHERS_KEY_MAX);
    memcpy(out, prefix, head);
    for (size_t i = 0; i < text.len && len + 1 < OTHERS_KEY_MAX; i++) {
        if (is_blank(text.at[i])) {
            gap = len != head;
            continue;
        }
        if (gap)
            out[len++] = ' ';
        gap = false;
        out[len++] = lower(text.at[i]);
    }
    return len;
}

void others_put_escaped(struct buf *out, struct span text)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = text.at[i];
        if (byte > 0x20 && byte < 0x7f && byte != '\\') {
            buf_byte(out, byte);
            continue;
        }
        buf_str(out, "\\x");
        buf_byte(out, (uint8_t)digits[byte >> 4]);
        buf_byte(out, (uint8_t)digits[byte & 15]);
    }
}

static void put_word(struct buf *out, const char *kind, struct span text)
{
    if (out->len != 0)
        buf_byte(out, ' ');
    buf_str(out, kind);
    others_put_escaped(out, text);
}

static void put_org(struct buf *out, struct span org)
{
    uint8_t key[OTHERS_KEY_MAX];
    size_t len = others_text_key("", org, key);
    bool same = len == org.len;
    for (size_t i = 0; same && i < len; i++)
        same = key[i] == lower(org.at[i]);
    put_word(out, "org:", org);
    if (!same)
        put_word(out, "orgkey:", span_of(key, len));
}

/* By kind; of common names the flag is the kind. */
static const struct {
    const char *kind;
    enum name_kind name;
    uint32_t flags;
} found_words[] = {
    {"rawdns:", NAME_DNS, 0},
    {"rawcn:", NAME_DNS, NAME_FROM_CN},
    {"rawemail:", NAME_EMAIL, 0},
    {"rawip:", NAME_IP, 0},
};

/* Nobody is matched by these, so what there is no room for is counted and no more. */
static void put_found(struct buf *out, const struct issuance *issuance)
{
    char left[24];
    for (size_t i = 0; i < issuance->found_count; i++) {
        const struct name *name = &issuance->found[i];
        size_t word = 0;
        if (i >= LIMIT_NAMES_STORED || out->len + 4 * name->raw.len > LIMIT_NAMES_BYTES) {
            (void)snprintf(left, sizeof left, "%zu", issuance->found_count - i);
            put_word(out, "rawmore:", span_str(left));
            return;
        }
        while (found_words[word].name != name->kind ||
               found_words[word].flags != (name->flags & NAME_FROM_CN))
            must(++word < countof(found_words));
        put_word(out, found_words[word].kind, name->raw);
    }
}

bool others_put(struct buf *out, const struct issuance *issuance)
{
    size_t count = 0;
    bool whole = true;
    for (size_t i = 0; whole && i < issuance->name_count; i++) {
        const struct name *name = &issuance->names[i];
        if (name->kind != NAME_EMAIL && name->kind != NAME_URI)
            continue;
        whole = ++count <= LIMIT_NAMES_STORED && out->len + 4 * name->text.len <= LIMIT_NAMES_BYTES;
        if (whole)
            put_word(out, name->kind == NAME_EMAIL ? "email:" : "uri:", name->text);
    }
    for (size_t i = 0; whole && i < issuance->org_count; i++) {
        whole = out->len + 4 * issuance->orgs[i].len <= LIMIT_NAMES_BYTES;
        if (whole)
            put_org(out, issuance->orgs[i]);
    }
    if (!whole)
        put_word(out, DBKEY_PLACEHOLDER, SPAN_NONE);
    put_found(out, issuance);
    return whole;
}

size_t others_count(struct span others)
{
    struct span word;
    size_t count = 0;
    while (dbkey_next_name(&others, &word))
        count++;
    return count;
}

static struct span unescaped(struct span word, struct arena *arena)
{
    uint8_t *out = arena_take(arena, word.len + 1, 1);
    size_t len = 0;
    for (size_t i = 0; out != NULL && i < word.len; i++) {
        bool escape = word.len - i >= 4 && word.at[i] == '\\' && word.at[i + 1] == 'x' &&
                      text_unhex(span_part(word, i + 2, i + 4), out + len, 1);
        if (!escape)
            out[len] = word.at[i];
        i += escape ? 3 : 0;
        len++;
    }
    return out != NULL ? span_of(out, len) : SPAN_NONE;
}

/* The rest of a word that begins with `kind`; absent for another word. */
static struct span after(struct span word, const char *kind)
{
    size_t len = strlen(kind);
    bool fits = word.len >= len && memcmp(word.at, kind, len) == 0;
    return fits ? span_part(word, len, word.len) : SPAN_NONE;
}

static const char found_head[] = "raw";

static bool get_found(struct span word, struct arena *arena, struct issuance *issuance)
{
    for (size_t i = 0; i < countof(found_words); i++) {
        struct span raw = after(word, found_words[i].kind);
        if (raw.at == NULL)
            continue;
        raw = unescaped(raw, arena);
        issuance->found[issuance->found_count++] =
            (struct name){.kind = found_words[i].name, .flags = found_words[i].flags, .raw = raw};
        return raw.at != NULL;
    }
    return true;
}

bool others_get(struct span others, struct arena *arena, struct issuance *issuance)
{
    size_t count = others_count(others);
    struct span word;
    if (count == 0)
        return true;
    issuance->orgs = arena_zeroed(arena, count, sizeof *issuance->orgs);
    if (issuance->orgs == NULL)
        return false;
    while (dbkey_next_name(&others, &word)) {
        if (after(word, found_head).at != NULL) {
            if (issuance->found == NULL)
                issuance->found = arena_zeroed(arena, others_count(others) + 1, sizeof *issuance->found);
            if (issuance->found == NULL || !get_found(word, arena, issuance))
                return false;
            continue;
        }
        struct span email = after(word, "email:");
        struct span uri = after(word, "uri:");
        struct span org = after(word, "org:");
        struct span text = email.at != NULL ? email : uri.at != NULL ? uri : org;
        if (text.at == NULL)
            continue;
        text = unescaped(text, arena);
        if (text.at == NULL)
            return false;
        if (org.at != NULL)
            issuance->orgs[issuance->org_count++] = text;
        else
            issuance->names[issuance->name_count++] =
                (struct name){.kind = email.at != NULL ? NAME_EMAIL : NAME_URI, .raw = text, .text = text};
    }
    return true;
}

static bool give_host(const char *prefix, struct span host, others_key *each, void *arg)
{
    uint8_t key[OTHERS_KEY_MAX];
    size_t len = others_host_key(prefix, host, key);
    return len == 0 || each(arg, span_of(key, len));
}

static bool give_text(const char *prefix, struct span text, others_key *each, void *arg)
{
    uint8_t key[OTHERS_KEY_MAX];
    size_t len = others_text_key(prefix, text, key);
    return len == strlen(prefix) || each(arg, span_of(key, len));
}

bool others_keys(const struct issuance *issuance, others_key *each, void *arg)
{
    bool ok = true;
    for (size_t i = 0; ok && i < issuance->name_count; i++) {
        const struct name *name = &issuance->names[i];
        if (name->kind == NAME_EMAIL)
            ok = give_host("email:", others_email_host(name->text), each, arg);
        if (name->kind == NAME_URI)
            ok = give_host("uri:", others_uri_where(name->text), each, arg);
    }
    for (size_t i = 0; ok && i < issuance->org_count; i++)
        ok = give_text("org:", issuance->orgs[i], each, arg);
    if (ok && issuance->subject_cn.len != 0 && issuance_cn_name(issuance) == issuance->name_count)
        ok = give_text("cn:", issuance->subject_cn, each, arg);
    return ok;
}
