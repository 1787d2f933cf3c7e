#include "base/dns.h"

#include <arpa/inet.h>
#include <idn2.h>

#include "base/suffix.h"
#include "base/text.h"

#define PLACEHOLDER      SPAN_LIT("?")
#define LABEL_MAX        63
#define NAME_MAX_TO_USER 253

enum { PLAIN = 0, DOT = 1, OTHER = 2 };

#define P PLAIN
#define O OTHER
/* What a byte means to the fast path: lower-case letters, digits, hyphen and underscore are plain. */
static const uint8_t classes[256] = {
    O, O, O, O, O, O, O, O, O, O, O, O, O, O, O,   O,
    O, O, O, O, O, O, O, O, O, O, O, O, O, O, O,   O, /* 0x00 */
    O, O, O, O, O, O, O, O, O, O, O, O, O, P, DOT, O,
    P, P, P, P, P, P, P, P, P, P, O, O, O, O, O,   O, /* 0x20 */
    O, O, O, O, O, O, O, O, O, O, O, O, O, O, O,   O,
    O, O, O, O, O, O, O, O, O, O, O, O, O, O, O,   P, /* 0x40 */
    O, P, P, P, P, P, P, P, P, P, P, P, P, P, P,   P,
    P, P, P, P, P, P, P, P, P, P, P, O, O, O, O,   O, /* 0x60 */
    O, O, O, O, O, O, O, O, O, O, O, O, O, O, O,   O,
    O, O, O, O, O, O, O, O, O, O, O, O, O, O, O,   O, /* 0x80 */
    O, O, O, O, O, O, O, O, O, O, O, O, O, O, O,   O,
    O, O, O, O, O, O, O, O, O, O, O, O, O, O, O,   O, /* 0xa0 */
    O, O, O, O, O, O, O, O, O, O, O, O, O, O, O,   O,
    O, O, O, O, O, O, O, O, O, O, O, O, O, O, O,   O, /* 0xc0 */
    O, O, O, O, O, O, O, O, O, O, O, O, O, O, O,   O,
    O, O, O, O, O, O, O, O, O, O, O, O, O, O, O,   O, /* 0xe0 */
};
#undef P
#undef O

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

/* True when `raw` is in normal form already, by the short list of things that can be seen in one look: plain
 * labels, perhaps "*." in front. Names that end in a digit may be addresses and take the long way. */
static bool is_normal(struct span raw)
{
    size_t i = raw.len > 1 && raw.at[0] == '*' && raw.at[1] == '.' ? 2 : 0;
    if (raw.len <= i || raw.len > DNS_TEXT_MAX || is_digit(raw.at[raw.len - 1]))
        return false;
    unsigned before = DOT, seen = 0;
    for (; i < raw.len; i++) {
        unsigned class = classes[raw.at[i]];
        seen |= (class & OTHER) | (class & before & DOT);
        before = class;
    }
    return seen == 0 && before == PLAIN;
}

/* One reading in the making. */
struct draft {
    char text[DNS_TEXT_MAX + 1];
    size_t len;
    uint32_t flags;
    bool failed; /* too long: only the placeholder is left */
};

static void draft_put(struct draft *draft, struct span bytes)
{
    if (draft->failed || bytes.len > DNS_TEXT_MAX - draft->len) {
        draft->failed = true;
        return;
    }
    if (bytes.len != 0)
        memcpy(draft->text + draft->len, bytes.at, bytes.len);
    draft->len += bytes.len;
}

static bool has_non_ascii(struct span bytes)
{
    for (size_t i = 0; i < bytes.len; i++)
        if (bytes.at[i] >= 0x80)
            return true;
    return false;
}

/* Letters of either case, digits, hyphen, underscore: what can be compared as it is. IDNA is not asked: the
 * world has A-labels that it refuses (protocol.md 5.3 idea). */
static bool is_sane(struct span label)
{
    for (size_t i = 0; i < label.len; i++) {
        uint8_t byte = label.at[i];
        if (byte >= 'A' && byte <= 'Z')
            byte |= 0x20;
        if (classes[byte] != PLAIN)
            return false;
    }
    return label.len > 0;
}

static void put_lower(struct draft *draft, struct span label)
{
    size_t begin = draft->len;
    draft_put(draft, label);
    for (size_t i = begin; i < draft->len; i++)
        if (draft->text[i] >= 'A' && draft->text[i] <= 'Z')
            draft->text[i] = (char)(draft->text[i] | 0x20);
}

static void put_unreadable(struct draft *draft)
{
    draft_put(draft, PLACEHOLDER);
    draft->flags |= DNS_PLACEHOLDER;
}

/* Latin-1 to UTF-8; the label is at most DNS_TEXT_MAX bytes. Returns the length. */
static size_t from_latin1(struct span label, char *out)
{
    size_t at = 0;
    for (size_t i = 0; i < label.len; i++) {
        uint8_t byte = label.at[i];
        if (byte >= 0x80)
            out[at++] = (char)(0xc0 | byte >> 6);
        out[at++] = (char)(byte < 0x80 ? byte : 0x80 | (byte & 0x3f));
    }
    out[at] = 0;
    return at;
}

/* A label with bytes outside ASCII, by UTS-46 to its A-label (or labels: there are other dots in Unicode). */
static void put_unicode(struct draft *draft, struct span label, bool latin1)
{
    char utf8[2 * DNS_TEXT_MAX + 1];
    char *ascii = NULL;
    if (latin1) {
        (void)from_latin1(label, utf8);
    } else {
        memcpy(utf8, label.at, label.len);
        utf8[label.len] = 0;
    }
    int got = idn2_to_ascii_8z(utf8, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
    struct span left = got == IDN2_OK ? span_str(ascii) : SPAN_NONE;
    bool readable = got == IDN2_OK && left.len > 0;
    for (size_t begin = 0; readable && begin <= left.len;) {
        size_t end = begin;
        while (end < left.len && left.at[end] != '.')
            end++;
        readable = is_sane(span_part(left, begin, end));
        begin = end + 1;
    }
    if (readable)
        put_lower(draft, left);
    else
        put_unreadable(draft);
    idn2_free(ascii);
}

static void put_label(struct draft *draft, struct span label, bool latin1)
{
    bool first = draft->len == 0;
    if (label.len == 1 && label.at[0] == '*' && first) {
        draft_put(draft, label);
        draft->flags |= DNS_WILDCARD;
    } else if (memchr(label.len == 0 ? "" : (const char *)label.at, '*', label.len) != NULL) {
        put_unreadable(draft);
        draft->flags |= DNS_PARTIAL_STAR;
    } else if (is_sane(label)) {
        put_lower(draft, label);
    } else if (has_non_ascii(label) && memchr(label.at, 0, label.len) == NULL) {
        put_unicode(draft, label, latin1);
    } else {
        put_unreadable(draft);
    }
}

/* The address `text` spells, in its canonical form in draft. */
static bool read_address(struct span text, struct draft *draft)
{
    uint8_t octets[16];
    char zero_ended[INET6_ADDRSTRLEN + 2];
    if (text.len >= 2 && text.at[0] == '[' && text.at[text.len - 1] == ']')
        text = span_part(text, 1, text.len - 1);
    if (text.len == 0 || text.len >= sizeof zero_ended || memchr(text.at, 0, text.len) != NULL)
        return false;
    memcpy(zero_ended, text.at, text.len);
    zero_ended[text.len] = 0;
    int family = memchr(text.at, ':', text.len) != NULL ? AF_INET6 : AF_INET;
    if (inet_pton(family, zero_ended, octets) != 1 ||
        inet_ntop(family, octets, draft->text, sizeof draft->text) == NULL)
        return false;
    draft->len = strlen(draft->text);
    draft->flags |= DNS_WAS_IP;
    return true;
}

static bool is_edge(uint8_t byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r') || byte == 0;
}

/* White space (and NUL, which pads) around, and dots behind. */
static struct span trim(struct span text)
{
    while (text.len > 0 && is_edge(text.at[0]))
        text = span_part(text, 1, text.len);
    while (text.len > 0 && (is_edge(text.at[text.len - 1]) || text.at[text.len - 1] == '.'))
        text.len--;
    return text;
}

static bool starts_any_case(struct span text, const char *head)
{
    size_t len = strlen(head);
    return text.len >= len && strncasecmp((const char *)text.at, head, len) == 0;
}

/* A port behind a host name, not the last group of an IPv6 address. */
static struct span drop_port(struct span text)
{
    size_t at = text.len;
    while (at > 0 && is_digit(text.at[at - 1]))
        at--;
    if (at == text.len || at < 2 || text.at[at - 1] != ':')
        return text;
    struct span host = span_part(text, 0, at - 1);
    bool bracketed = host.at[0] == '[' && host.at[host.len - 1] == ']';
    return bracketed || memchr(host.at, ':', host.len) == NULL ? host : text;
}

/* The host of what may be an URL or a mail address. */
static struct span host_of(struct span text)
{
    text = trim(text);
    if (starts_any_case(text, "http://"))
        text = span_part(text, 7, text.len);
    else if (starts_any_case(text, "https://"))
        text = span_part(text, 8, text.len);
    const uint8_t *slash = text.len == 0 ? NULL : memchr(text.at, '/', text.len);
    if (slash != NULL)
        text.len = (size_t)(slash - text.at);
    const uint8_t *at = text.len == 0 ? NULL : memrchr(text.at, '@', text.len);
    if (at != NULL)
        text = span_part(text, (size_t)(at - text.at) + 1, text.len);
    return trim(drop_port(trim(text)));
}

static void read_host(struct span raw, bool latin1, struct draft *draft)
{
    struct span host = host_of(raw);
    *draft = (struct draft){.len = 0};
    if (read_address(host, draft))
        return;
    for (size_t begin = 0; begin <= host.len && !draft->failed;) {
        const uint8_t *dot = begin == host.len ? NULL : memchr(host.at + begin, '.', host.len - begin);
        size_t end = dot == NULL ? host.len : (size_t)(dot - host.at);
        if (begin > 0)
            draft_put(draft, SPAN_LIT("."));
        put_label(draft, span_part(host, begin, end), latin1);
        begin = end + 1;
    }
    /* Other scripts have digits too, and UTS-46 makes them ours. */
    if (!draft->failed)
        (void)read_address(span_of(draft->text, draft->len), draft);
}

struct readings {
    struct dns_reading *out;
    size_t count;
    struct span raw;
    struct arena *arena;
    uint32_t flags; /* what is true of the raw bytes and so of every reading */
};

static void add_draft(struct readings *all, const struct draft *draft)
{
    struct dns_reading reading = {span_of(draft->text, draft->len), draft->flags | all->flags};
    if (draft->failed)
        reading = (struct dns_reading){PLACEHOLDER, DNS_PLACEHOLDER | all->flags};
    for (size_t i = 0; i < all->count; i++)
        if (span_eq(all->out[i].text, reading.text))
            return;
    if (span_eq(reading.text, all->raw)) {
        reading.text = all->raw;
    } else {
        reading.flags |= DNS_CHANGED;
        reading.text = draft->failed ? PLACEHOLDER : arena_copy(all->arena, reading.text);
        if (reading.text.at == NULL)
            reading = (struct dns_reading){PLACEHOLDER, DNS_PLACEHOLDER | DNS_CHANGED | all->flags};
    }
    must(all->count < DNS_READINGS_MAX);
    all->out[all->count++] = reading;
}

/* Of text that is well-formed UTF-8 and reads well as such, a Latin-1 reading that does not is no reading: a
 * placeholder would match watches that the name has nothing to do with. */
static void read_both_charsets(struct readings *all, struct span raw)
{
    struct draft draft;
    bool non_ascii = has_non_ascii(raw), good = false;
    if (!non_ascii || text_is_utf8(raw)) {
        read_host(raw, false, &draft);
        add_draft(all, &draft);
        good = !draft.failed && (draft.flags & DNS_PLACEHOLDER) == 0;
    }
    if (non_ascii) {
        read_host(raw, true, &draft);
        if (!good || (!draft.failed && (draft.flags & DNS_PLACEHOLDER) == 0))
            add_draft(all, &draft);
    }
}

size_t dns_read(struct span raw, struct arena *arena, struct dns_reading out[DNS_READINGS_MAX])
{
    if (is_normal(raw)) {
        out[0] = (struct dns_reading){raw, raw.at[0] == '*' ? DNS_WILDCARD : 0};
        return 1;
    }
    struct readings all = {.out = out, .raw = raw, .arena = arena};
    const uint8_t *nul = raw.len == 0 ? NULL : memchr(raw.at, 0, raw.len);
    all.flags = (nul != NULL ? DNS_HAD_NUL : 0u) | (has_non_ascii(raw) ? DNS_NON_ASCII : 0u);
    if (raw.len > DNS_TEXT_MAX) {
        out[0] = (struct dns_reading){PLACEHOLDER, DNS_PLACEHOLDER | DNS_CHANGED | all.flags};
        return 1;
    }
    if (nul != NULL && nul != raw.at)
        read_both_charsets(&all, span_part(raw, 0, (size_t)(nul - raw.at)));
    read_both_charsets(&all, raw);
    return all.count;
}

static enum err_code refuse(const char *typed, const char *reason, struct err *why)
{
    char visible[256];
    return err_set(why, ERR_FORMAT, "'%s' is not a DNS name: %s",
                   text_visible_str(span_str(typed), visible, sizeof visible), reason);
}

static const char *find_fault(struct span text)
{
    size_t begin = 0;
    if (text.len > NAME_MAX_TO_USER)
        return "it is longer than 253 octets";
    while (begin <= text.len) {
        size_t end = begin;
        while (end < text.len && text.at[end] != '.')
            end++;
        struct span label = span_part(text, begin, end);
        bool star = begin == 0 && span_eq(label, SPAN_LIT("*")) && end < text.len;
        if (label.len == 0)
            return "a label is empty";
        if (label.len > LABEL_MAX)
            return "a label is longer than 63 octets";
        if (!star && !is_sane(label))
            return "a label holds something else than letters, digits, hyphens and underscores";
        begin = end + 1;
    }
    return NULL;
}

enum err_code dns_from_user(const char *typed, char *out, struct err *why)
{
    struct draft draft;
    struct span text = span_str(typed);
    char *ascii = NULL;

    while (text.len > 0 && is_edge(text.at[0]))
        text = span_part(text, 1, text.len);
    while (text.len > 0 && is_edge(text.at[text.len - 1]))
        text.len--;
    if (text.len > 1 && text.at[text.len - 1] == '.')
        text.len--;
    if (text.len == 0)
        return refuse(typed, "it is empty", why);
    if (text.at[0] == '.')
        return refuse(typed, "it begins with a dot", why);
    if (text.len > DNS_TEXT_MAX || !text_is_utf8(text))
        return refuse(typed, text.len > DNS_TEXT_MAX ? "it is too long" : "it is not UTF-8", why);
    draft = (struct draft){.len = 0};
    if (read_address(text, &draft))
        return refuse(typed, "it is an IP address", why);
    draft = (struct draft){.len = 0};
    if (has_non_ascii(text)) {
        memcpy(draft.text, text.at, text.len);
        int got = idn2_to_ascii_8z(draft.text, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
        if (got != IDN2_OK)
            return refuse(typed, idn2_strerror(got), why);
        text = span_str(ascii);
    }
    const char *fault = find_fault(text);
    if (fault == NULL) {
        draft.len = 0;
        put_lower(&draft, text);
        memcpy(out, draft.text, draft.len);
        out[draft.len] = 0;
    }
    idn2_free(ascii);
    return fault == NULL ? ERR_OK : refuse(typed, fault, why);
}

/* The U-label of an A-label, NULL when it stands for none; idn2_free it. */
static char *u_label(struct span label)
{
    char zero_ended[LABEL_MAX + 1];
    char *utf8 = NULL;
    char *back = NULL;
    if (label.len <= 4 || label.len > LABEL_MAX || memcmp(label.at, "xn--", 4) != 0)
        return NULL;
    memcpy(zero_ended, label.at, label.len);
    zero_ended[label.len] = 0;
    if (idn2_to_unicode_8z8z(zero_ended, &utf8, 0) != IDN2_OK)
        return NULL;
    bool same = strchr(utf8, '.') == NULL &&
                idn2_to_ascii_8z(utf8, &back, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) == IDN2_OK &&
                span_eq(span_str(back), label);
    idn2_free(back);
    if (same)
        return utf8;
    idn2_free(utf8);
    return NULL;
}

size_t dns_unicode(struct span text, char out[DNS_UNICODE_MAX])
{
    size_t len = 0;
    for (size_t begin = 0; begin < text.len;) {
        size_t end = begin;
        while (end < text.len && text.at[end] != '.')
            end++;
        struct span label = span_part(text, begin, end);
        char *utf8 = u_label(label);
        struct span put = utf8 != NULL ? span_str(utf8) : label;
        bool fits = put.len + 2 <= DNS_UNICODE_MAX - len;
        if (fits && put.len != 0)
            memcpy(out + len, put.at, put.len);
        len += fits ? put.len : 0;
        if (fits && end < text.len)
            out[len++] = '.';
        idn2_free(utf8);
        begin = end + 1;
    }
    out[len] = 0;
    return len;
}

void dns_reverse(struct span text, uint8_t *out)
{
    size_t at = text.len, begin = 0;
    while (begin <= text.len && text.len > 0) {
        size_t end = begin;
        while (end < text.len && text.at[end] != '.')
            end++;
        at -= end - begin;
        memcpy(out + at, text.at + begin, end - begin);
        if (at > 0)
            out[--at] = '.';
        begin = end + 1;
    }
}

size_t dns_labels(struct span text)
{
    size_t count = text.len > 0;
    for (size_t i = 0; i < text.len; i++)
        count += text.at[i] == '.';
    return count;
}

/* The last label of *left, cut off together with its dot. */
static struct span take_last(struct span *left)
{
    size_t begin = left->len;
    while (begin > 0 && left->at[begin - 1] != '.')
        begin--;
    struct span label = span_part(*left, begin, left->len);
    *left = begin == 0 ? span_of(left->at, 0) : span_part(*left, 0, begin - 1);
    return label;
}

bool dns_covers(struct span name, struct span watched, bool subtree)
{
    if (span_eq(name, PLACEHOLDER))
        return true;
    while (watched.len > 0) {
        if (name.len == 0)
            return false;
        struct span have = take_last(&name);
        struct span want = take_last(&watched);
        bool joker = span_eq(have, PLACEHOLDER) || (name.len == 0 && span_eq(have, SPAN_LIT("*")));
        if (!joker && !span_eq(have, want))
            return false;
    }
    return subtree || name.len == 0;
}

static struct span apex_by(struct span (*registrable)(struct span text), struct span text)
{
    struct draft draft;
    if (text.len >= 2 && text.at[0] == '*' && text.at[1] == '.')
        text = span_part(text, 2, text.len);
    if (text.len == 0 || text.len > DNS_TEXT_MAX || span_eq(text, SPAN_LIT("*")))
        return SPAN_NONE;
    /* Only addresses end in a digit or hold a colon, apart from names no resolver knows. */
    if (is_digit(text.at[text.len - 1]) || memchr(text.at, ':', text.len) != NULL) {
        draft.flags = 0;
        if (read_address(text, &draft))
            return SPAN_NONE;
    }
    struct span apex = registrable(text);
    return memchr(apex.at, '?', apex.len) != NULL ? SPAN_NONE : apex;
}

struct span dns_apex(struct span text)
{
    return apex_by(suffix_registrable, text);
}

struct span dns_apex_also(struct span text)
{
    return suffix_has_also() ? apex_by(suffix_registrable_also, text) : SPAN_NONE;
}

bool dns_is_public_suffix(struct span text)
{
    return text.len <= DNS_TEXT_MAX && suffix_is_public(text);
}

bool dns_may_have_suffix_below(struct span text)
{
    return suffix_may_be_below(text);
}

enum err_code dns_psl_load(struct span list, struct err *why)
{
    return suffix_load(list, why);
}

bool dns_has_also(void)
{
    return suffix_has_also();
}

enum err_code dns_psl_load_also(struct span list, struct err *why)
{
    return suffix_load_also(list, why);
}
