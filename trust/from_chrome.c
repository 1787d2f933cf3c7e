#include "trust/from_chrome.h"

#include <stdio.h>

#include "base/text.h"
#include "trust/builtin.h"

#define WORD_MAX  256
#define NAMES_MAX 1024

/* A text protocol buffer, token by token. */
struct proto {
    struct span rest;
    char word[WORD_MAX]; /* name, number, or what stands between quotes; '{' or '}' by itself */
    bool quoted;
    size_t depth; /* braces that are open */
};

struct constraint {
    bool any;
    bool old;     /* for versions that are over */
    bool foreign; /* of a kind that is not known here */
    bool odd;     /* a moment that can not be read */
    int64_t sct;
    int64_t not_before;
    char names[NAMES_MAX];
    size_t names_len;
};

struct anchor {
    uint8_t sha256[32];
    bool named;
    bool odd;
    bool tls; /* of the further certificates those that say so */
    bool expires;
    bool constrained;
    bool enough; /* a set without any condition */
    struct constraint best;
};

bool from_chrome_is(struct span text)
{
    struct span begin = span_part(text, 0, text.len < 65536 ? text.len : 65536);
    return memmem(begin.at, begin.len, "trust_anchors", 13) != NULL &&
           memmem(begin.at, begin.len, "sha256_hex", 10) != NULL;
}

static void skip_white(struct proto *proto)
{
    while (proto->rest.len != 0) {
        uint8_t byte = proto->rest.at[0];
        size_t len = 1;
        if (byte == '#') {
            const uint8_t *end = memchr(proto->rest.at, '\n', proto->rest.len);
            len = end == NULL ? proto->rest.len : (size_t)(end - proto->rest.at);
        } else if (strchr(" \t\r\n:,;", byte) == NULL || byte == '\0') {
            return;
        }
        proto->rest = span_part(proto->rest, len, proto->rest.len);
    }
}

static bool next(struct proto *proto)
{
    size_t len = 0;
    skip_white(proto);
    if (proto->rest.len == 0)
        return false;
    uint8_t first = proto->rest.at[0];
    proto->quoted = first == '"' || first == '\'';
    size_t at = proto->quoted || strchr("{}", first) != NULL ? 1 : 0;
    if (at == 1 && !proto->quoted)
        proto->word[len++] = (char)first;
    while (at < proto->rest.len && (len == 0 || proto->quoted || strchr("{}", proto->word[0]) == NULL)) {
        uint8_t byte = proto->rest.at[at];
        if (proto->quoted ? byte == first : strchr(" \t\r\n:,;{}#\"", byte) != NULL)
            break;
        for (; at < proto->rest.len; at++) {
            byte = proto->rest.at[at];
            if (proto->quoted ? byte == first : strchr(" \t\r\n:,;{}#\"", byte) != NULL)
                break;
            if (len < WORD_MAX - 1)
                proto->word[len++] = (char)byte;
        }
    }
    proto->word[len] = '\0';
    at += proto->quoted && at < proto->rest.len;
    proto->rest = span_part(proto->rest, at == 0 ? 1 : at, proto->rest.len);
    if (!proto->quoted && proto->word[0] == '{')
        proto->depth++;
    else if (!proto->quoted && proto->word[0] == '}' && proto->depth != 0)
        proto->depth--;
    return true;
}

static bool is(const struct proto *proto, const char *word)
{
    return !proto->quoted && strcmp(proto->word, word) == 0;
}

/* Whatever stands in braces whose opening one was read. */
static void skip_block(struct proto *proto)
{
    for (size_t depth = 1; depth != 0 && next(proto);)
        depth = is(proto, "{") ? depth + 1 : is(proto, "}") ? depth - 1 : depth;
}

static void read_moment(struct proto *proto, struct constraint *c, int64_t *value)
{
    if (!next(proto) || !text_int(span_str(proto->word), value))
        c->odd = true;
}

static void read_constraint(struct proto *proto, struct constraint *c)
{
    *c = (struct constraint){.sct = INT64_MAX, .not_before = INT64_MAX};
    while (next(proto) && !is(proto, "}")) {
        if (is(proto, "sct_not_after_sec")) {
            read_moment(proto, c, &c->sct);
        } else if (is(proto, "validity_starts_not_after_sec")) {
            read_moment(proto, c, &c->not_before);
        } else if (is(proto, "permitted_dns_names")) {
            size_t left = next(proto) ? sizeof c->names - c->names_len : 0;
            int put = left == 0 ? 0
                                : snprintf(c->names + c->names_len, left, "%s%s",
                                           c->names_len == 0 ? "" : " ", proto->word);
            c->names_len += put > 0 && (size_t)put < left ? (size_t)put : 0;
        } else if (is(proto, "max_version_exclusive")) {
            c->old = true;
            (void)next(proto);
        } else if (is(proto, "min_version")) {
            (void)next(proto);
            continue;
        } else if (is(proto, "{")) {
            skip_block(proto);
        } else {
            c->foreign = true; /* and its value, which is no name of ours */
            (void)next(proto);
            continue;
        }
        c->any = true;
    }
}

static bool looser(const struct constraint *a, const struct constraint *b)
{
    if ((a->names_len == 0) != (b->names_len == 0))
        return a->names_len == 0;
    return a->sct != b->sct ? a->sct > b->sct : a->not_before > b->not_before;
}

static void read_anchor(struct proto *proto, bool tls, struct anchor *anchor, struct catake_file *file)
{
    bool first = true;
    *anchor = (struct anchor){.tls = tls};
    while (next(proto) && !is(proto, "}")) {
        if (is(proto, "sha256_hex")) {
            anchor->named = next(proto) && strlen(proto->word) == 64 &&
                            text_unhex(span_str(proto->word), anchor->sha256, 32);
        } else if (is(proto, "tls_trust_anchor")) {
            anchor->tls = next(proto) && is(proto, "true");
        } else if (is(proto, "enforce_anchor_expiry")) {
            anchor->expires = next(proto) && is(proto, "true");
        } else if (is(proto, "constraints")) {
            struct constraint c;
            if (!next(proto) || !is(proto, "{"))
                continue;
            read_constraint(proto, &c);
            anchor->odd = anchor->odd || c.odd;
            anchor->constrained = true; /* also when none of the sets is for the versions of today */
            if (c.old)
                continue;
            anchor->enough = anchor->enough || (!c.any && !c.foreign);
            file->passed += c.foreign;
            if (!c.foreign && (first || looser(&c, &anchor->best))) {
                anchor->best = c;
                first = false;
            }
        } else if (is(proto, "{")) {
            skip_block(proto);
        }
    }
    anchor->odd = anchor->tls && (anchor->odd || !anchor->named);
    /* Nothing but conditions that are not known: not a root for anything we could say. */
    anchor->named = anchor->named && anchor->tls && !anchor->odd && !(anchor->constrained && first);
}

static void take_anchor(struct catake *take, uint32_t part, const struct anchor *anchor)
{
    char hex[65];
    struct carule rule = {.store = VERDICT_CHROME,
                          .kind = CARULE_ANCHOR,
                          .target = CARULE_CERT,
                          .class = CARULE_MEMBER,
                          .expires = anchor->expires,
                          .source = "root_store.textproto of Chromium"};
    memcpy(rule.hash, anchor->sha256, 32);
    rule.label = text_hex(span_of(anchor->sha256, 32), hex);
    catake_rule(take, part, &rule, false);
    if (!anchor->constrained || anchor->enough)
        return;
    rule.class = CARULE_LIFECYCLE;
    if (anchor->best.sct != INT64_MAX) {
        rule.kind = CARULE_SCT;
        rule.limit = anchor->best.sct;
        catake_rule(take, part, &rule, false);
    }
    if (anchor->best.not_before != INT64_MAX) {
        rule.kind = CARULE_NOT_BEFORE;
        rule.limit = anchor->best.not_before;
        catake_rule(take, part, &rule, false);
    }
    if (anchor->best.names_len != 0) {
        rule.kind = CARULE_NAMES;
        rule.limit = 0;
        rule.text = anchor->best.names;
        catake_rule(take, part, &rule, false);
    }
}

bool from_chrome_read(struct span text, struct catake *take, struct catake_file *file)
{
    struct proto proto = {.rest = text};
    uint32_t part = catake_part(take, builtin_roots_part(VERDICT_CHROME), file->dated_ms);
    uint64_t nth = 0;
    while (next(&proto)) {
        if (is(&proto, "version_major") && next(&proto)) {
            (void)snprintf(file->note, sizeof file->note, "version %.20s", proto.word);
        } else if (is(&proto, "trust_anchors") || is(&proto, "additional_certs")) {
            struct anchor anchor;
            bool tls = is(&proto, "trust_anchors");
            if (!next(&proto) || !is(&proto, "{"))
                continue;
            read_anchor(&proto, tls, &anchor, file);
            if (anchor.named)
                take_anchor(take, part, &anchor);
            nth++;
            file->taken += anchor.named;
            if (anchor.odd)
                catake_unread(file, nth);
            else
                file->passed += !anchor.named;
        } else if (is(&proto, "{")) {
            skip_block(&proto); /* mtc_anchors */
            file->passed++;
        }
    }
    return proto.depth == 0;
}
