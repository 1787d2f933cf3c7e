#include "trust/from_ccadb.h"

#include <stdlib.h>

#include "base/text.h"
#include "trust/builtin.h"

#define TEXT_MAX 512

static const char begin_line[] = "-----BEGIN CERTIFICATE-----";
static const char end_line[] = "-----END CERTIFICATE-----";

static bool take_base64(struct span body, struct catake *take)
{
    uint8_t *packed = malloc(body.len + 1);
    uint8_t *der = malloc(body.len + 1);
    size_t len = 0;
    size_t der_len = 0;
    must(packed != NULL && der != NULL);
    for (size_t i = 0; i < body.len; i++)
        if (body.at[i] > ' ')
            packed[len++] = body.at[i];
    bool good = text_unbase64(span_of(packed, len), der, body.len + 1, &der_len) &&
                catake_der(take, span_of(der, der_len), NULL);
    free(packed);
    free(der);
    return good;
}

/* What stands between the lines of the next certificate; without the second one there is no body. */
static bool next_block(struct span *text, struct span *body)
{
    const uint8_t *at =
        text->len == 0 ? NULL : memmem(text->at, text->len, begin_line, sizeof begin_line - 1);
    if (at == NULL)
        return false;
    *text = span_part(*text, (size_t)(at - text->at) + sizeof begin_line - 1, text->len);
    const uint8_t *end = text->len == 0 ? NULL : memmem(text->at, text->len, end_line, sizeof end_line - 1);
    size_t len = end == NULL ? 0 : (size_t)(end - text->at);
    *body = span_part(*text, 0, len);
    *text = end == NULL ? SPAN_NONE : span_part(*text, len + sizeof end_line - 1, text->len);
    return true;
}

uint64_t from_ccadb_pem(struct span text, struct catake *take)
{
    uint64_t taken = 0;
    struct span body;
    while (next_block(&text, &body))
        taken += body.len != 0 && take_base64(body, take);
    return taken;
}

void from_ccadb_bundle(struct span text, struct catake *take, struct catake_file *file)
{
    struct span body;
    for (uint64_t nth = 1; next_block(&text, &body); nth++)
        if (body.len != 0 && take_base64(body, take))
            file->taken++;
        else
            catake_unread(file, nth);
}

void from_ccadb_pems(struct csvread *csv, struct catake *take, struct catake_file *file)
{
    while (csvread_next(csv)) {
        struct span pem = csvread_get(csv, "X.509 Certificate (PEM)");
        bool good = from_ccadb_pem(pem, take) == 1;
        file->taken += good;
        if (!good)
            catake_unread(file, csv->row);
    }
}

static bool contains(struct span text, const char *word)
{
    size_t len = strlen(word);
    return text.at != NULL && text.len >= len && memmem(text.at, text.len, word, len) != NULL;
}

static bool get_hash(const struct csvread *csv, const char *column, uint8_t out[32])
{
    struct span hex = csvread_get(csv, column);
    return hex.len == 64 && text_unhex(hex, out, 32);
}

/* Who runs a CA: a subordinate owner where there is one, because the keys are in its hands. */
static bool take_owner(struct csvread *csv, struct catake *take)
{
    char owner[VERDICT_TEXT_MAX];
    uint8_t hash[32];
    if (!get_hash(csv, "SHA-256 Fingerprint", hash))
        return false;
    if (csvread_text(csv, "Subordinate CA Owner", owner, sizeof owner)[0] == '\0')
        (void)csvread_text(csv, "CA Owner", owner, sizeof owner);
    if (owner[0] == '\0')
        return false;
    (void)catake_part(take, "owners", 0);
    catake_owner(take, owner, false, hash);
    return true;
}

void from_ccadb_records(struct csvread *csv, struct catake *take, struct catake_file *file)
{
    uint32_t part = catake_part(take, "ccadb.revoked", file->dated_ms);
    while (csvread_next(csv)) {
        char label[VERDICT_TEXT_MAX];
        struct span status = csvread_get(csv, "Revocation Status");
        struct carule rule = {.store = VERDICT_STORES, /* all of them */
                              .kind = CARULE_BLOCKED,
                              .target = CARULE_CERT,
                              .class = CARULE_REVOKED,
                              .source = "CCADB: revoked"};
        bool revoked =
            span_eq(status, SPAN_LIT("Revoked")) || span_eq(status, SPAN_LIT("Parent Cert Revoked"));
        if (!get_hash(csv, "SHA-256 Fingerprint", rule.hash)) {
            catake_unread(file, csv->row);
            continue;
        }
        rule.label = revoked ? csvread_text(csv, "Certificate Name", label, sizeof label) : "";
        /* A record that is there and says nothing of the kind takes it back; one that is not there does not:
         * the report comes in halves, too. */
        catake_rule(take, part, &rule, !revoked);
        bool said = take_owner(csv, take) || revoked;
        file->taken += said;
        if (!said)
            catake_pass(file, csv->row);
    }
}

/* The field whose column has both words in its name. */
static struct span field_of(const struct csvread *csv, const char *store, const char *word)
{
    for (size_t i = 0; i < csv->columns && i < csv->fields; i++)
        if (contains(csv->head[i], store) && contains(csv->head[i], word))
            return csv->field[i];
    return SPAN_NONE;
}

static bool trusted_for_tls(const struct csvread *csv, const char *store)
{
    struct span bits = field_of(csv, store, "Trust Bits");
    bits = bits.at != NULL ? bits : field_of(csv, store, "EKU");
    struct span status = field_of(csv, store, "Status");
    return status.at != NULL && span_eq(status, SPAN_LIT("Included")) &&
           (contains(bits, "Server Authentication") || contains(bits, "serverAuth") ||
            contains(bits, "Websites"));
}

void from_ccadb_roots(struct csvread *csv, struct catake *take, struct catake_file *file)
{
    static const enum verdict_store stores[] = {VERDICT_APPLE, VERDICT_MICROSOFT};
    for (size_t i = 0; i < countof(stores); i++)
        catake_claim(take, builtin_roots_part(stores[i]));
    while (csvread_next(csv)) {
        char label[VERDICT_TEXT_MAX];
        bool any = false;
        struct carule rule = {.kind = CARULE_ANCHOR,
                              .target = CARULE_CERT,
                              .class = CARULE_MEMBER,
                              .source = "CCADB: included roots"};
        rule.label = csvread_text(csv, "Certificate Name", label, sizeof label);
        if (!get_hash(csv, "SHA-256 Fingerprint", rule.hash)) {
            catake_unread(file, csv->row);
            continue;
        }
        for (size_t i = 0; i < countof(stores); i++) {
            if (!trusted_for_tls(csv, verdict_store_title(stores[i])))
                continue;
            rule.store = stores[i];
            catake_rule(take, catake_part(take, builtin_roots_part(stores[i]), file->dated_ms), &rule, false);
            any = true;
        }
        file->taken += any;
        if (!any)
            catake_pass(file, csv->row);
    }
}

void from_ccadb_apple(struct csvread *csv, struct catake *take, struct catake_file *file)
{
    uint32_t part = catake_part(take, builtin_roots_part(VERDICT_APPLE), file->dated_ms);
    while (csvread_next(csv)) {
        char label[VERDICT_TEXT_MAX];
        int64_t ms = 0;
        struct span action = csvread_get(csv, "action");
        struct span date = csvread_get(csv, "date");
        struct carule rule = {
            .store = VERDICT_APPLE, .target = CARULE_CERT, .class = CARULE_MEMBER, .source = "Apple's list"};
        bool dated = text_parse_time(date, &ms);
        bool after = span_eq(action, SPAN_LIT("distrust-after"));
        rule.kind = span_eq(action, SPAN_LIT("removed")) ? CARULE_REMOVED : CARULE_ANCHOR;
        if (!get_hash(csv, "apple_root_sha256", rule.hash) || (after && !dated) ||
            (!after && rule.kind == CARULE_ANCHOR && !span_eq(action, SPAN_LIT("trusted")))) {
            catake_unread(file, csv->row);
            continue;
        }
        rule.class = rule.kind == CARULE_REMOVED ? CARULE_LIFECYCLE : CARULE_MEMBER;
        rule.label = csvread_text(csv, "name", label, sizeof label);
        catake_rule(take, part, &rule, false);
        file->taken++;
        if (!after)
            continue;
        rule.kind = CARULE_NOT_BEFORE;
        rule.class = CARULE_LIFECYCLE; /* the distrust table says when it was for something the CA did */
        rule.limit = ms / 1000 + (date.len == 10 ? 86399 : 0);
        catake_rule(take, part, &rule, false);
    }
}

/* A field is free text: "None", commas, spaces, line breaks. */
static size_t take_domains(struct span text, const uint8_t hash[32], const char *label, struct catake *take)
{
    size_t taken = 0;
    for (size_t i = 0; i < text.len;) {
        char domain[256];
        size_t len = 0;
        bool dotted = false;
        while (i < text.len && strchr(", ;\t\r\n", text.at[i]) != NULL && text.at[i] != '\0')
            i++;
        for (; i < text.len && (strchr(", ;\t\r\n", text.at[i]) == NULL || text.at[i] == '\0'); i++) {
            uint8_t byte = text.at[i] >= 'A' && text.at[i] <= 'Z' ? text.at[i] | 0x20 : text.at[i];
            bool good =
                (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' || byte == '.';
            dotted = dotted || byte == '.';
            len = good && len < sizeof domain - 1 ? len : sizeof domain; /* no domain */
            if (len < sizeof domain)
                domain[len++] = (char)byte;
        }
        if (!dotted || len == 0 || len >= sizeof domain)
            continue;
        domain[len] = '\0';
        catake_caa(take, domain, false, hash, label);
        taken++;
    }
    return taken;
}

void from_ccadb_caa(struct csvread *csv, struct catake *take, struct catake_file *file)
{
    (void)catake_part(take, "caa", file->dated_ms);
    while (csvread_next(csv)) {
        char label[VERDICT_TEXT_MAX];
        uint8_t hash[32];
        bool good = get_hash(csv, "SHA-256 Fingerprint", hash);
        if (!good && from_ccadb_pem(csvread_get(csv, "Intermediate Certificate"), take) == 1) {
            memcpy(hash, take->cert[take->cert_count - 1].facts.sha256, 32);
            good = true;
        }
        if (!good) {
            catake_unread(file, csv->row);
            continue;
        }
        (void)csvread_text(csv, "Subject", label, sizeof label);
        good = take_domains(csvread_get(csv, "Recognized CAA Domains"), hash, label, take) != 0;
        file->taken += good;
        if (!good)
            catake_pass(file, csv->row);
    }
}
