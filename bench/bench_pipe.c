/* The pipeline of one core without network and database: reply bytes to entries, parsed, hashed (leaf, tree,
 * certificate) and matched against 10, 10,000 and 1,000,000 watched domains. Both
 * protocols, the same certificates, made here, a third of them precertificates; an RFC 6962 entry has two
 * more behind it as its chain. Figures are per CPU second of this thread. CTVIGIL_CPU=portable shows what
 * machines without the special instructions get. */
#include <stdio.h>

#include "base/dns.h"
#include "base/text.h"
#include "bench/certmill.h"
#include "ingest/gunzip.h"
#include "ingest/work.h"
#include "verify/digest.h"
#include "verify/merkle.h"
#include "watcher/match.h"

#define PAGE   256
#define PAGES  8
#define ROUNDS 24
#define SHOWN  512 /* different certificates */

struct reply {
    struct buf bytes;
    uint64_t begin;
};

struct run {
    const struct proto *proto;
    struct watchset *set;
    struct reply *reply;
    struct gunzip *gunzip;
    struct batch batch;
    struct ctlog log;
};

/* One of what the entries show: a certificate, or a precertificate and the TBSCertificate that is logged of
 * it. */
struct shown {
    struct span cert;
    struct span tbs; /* absent: a certificate */
};

struct show {
    struct shown shown[SHOWN];
    struct span issuer;
    uint8_t issuer_key_hash[32];
};

static void show_make(struct show *show)
{
    EVP_PKEY *rsa = EVP_RSA_gen(2048);
    EVP_PKEY *ec = EVP_EC_gen("P-256");
    uint8_t *spki = NULL;
    must(rsa != NULL && ec != NULL);
    int spki_len = i2d_PUBKEY(ec, &spki);
    must(spki_len > 0);
    digest_sha256(span_of(spki, (size_t)spki_len), show->issuer_key_hash);
    OPENSSL_free(spki);
    show->issuer = certmill_one(ec, ec, SHOWN, CERTMILL_CA);
    for (unsigned i = 0; i < SHOWN; i++) {
        EVP_PKEY *key = i % 2 == 0 ? ec : rsa;
        bool precert = i % 3 == 0;
        show->shown[i].cert = certmill_one(key, ec, i, precert ? CERTMILL_PRECERT : CERTMILL_FINAL);
        show->shown[i].tbs = precert ? certmill_one(key, ec, i, CERTMILL_TBS) : SPAN_NONE;
    }
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(ec);
}

static void show_free(struct show *show)
{
    free((void *)(uintptr_t)show->issuer.at);
    for (size_t i = 0; i < SHOWN; i++) {
        free((void *)(uintptr_t)show->shown[i].cert.at);
        free((void *)(uintptr_t)show->shown[i].tbs.at);
    }
}

static void put_leaf(struct buf *out, const struct show *show, uint64_t index, bool tile)
{
    const struct shown *shown = &show->shown[index % SHOWN];
    bool precert = shown->tbs.at != NULL;
    struct span der = precert ? shown->tbs : shown->cert;
    if (!tile)
        buf_u16(out, 0);
    buf_u64(out, 1790000000000u + index);
    buf_u16(out, precert ? 1 : 0);
    if (precert)
        buf_put(out, span_of(show->issuer_key_hash, 32));
    buf_u24(out, (uint32_t)der.len);
    buf_put(out, der);
    buf_u16(out, tile ? 8 : 0);
    if (!tile)
        return;
    buf_put(out, SPAN_LIT("\0\0\5\0"));
    buf_u32(out, (uint32_t)index);
    if (precert) {
        buf_u24(out, (uint32_t)shown->cert.len);
        buf_put(out, shown->cert);
    }
    buf_u16(out, 64);
    memset(buf_room(out, 64), 0xab, 64);
}

static void put_base64(struct buf *out, const struct buf *bytes)
{
    uint8_t *room = buf_room(out, (bytes->len + 2) / 3 * 4 + 1);
    must(room != NULL);
    text_base64(buf_span(bytes), (char *)room);
    out->len--;
}

static void put_entry(struct buf *out, const struct show *show, uint64_t index)
{
    struct buf part;
    const struct shown *shown = &show->shown[index % SHOWN];
    struct span issuer = show->issuer;
    buf_init(&part, 1 << 20);
    put_leaf(&part, show, index, false);
    buf_str(out, "{\"leaf_input\":\"");
    put_base64(out, &part);
    buf_clear(&part);
    if (shown->tbs.at != NULL) {
        buf_u24(&part, (uint32_t)shown->cert.len);
        buf_put(&part, shown->cert);
    }
    buf_u24(&part, (uint32_t)(2 * (3 + issuer.len)));
    for (unsigned i = 0; i < 2; i++) {
        buf_u24(&part, (uint32_t)issuer.len);
        buf_put(&part, issuer);
    }
    buf_str(out, "\",\"extra_data\":\"");
    put_base64(out, &part);
    buf_str(out, "\"}");
    buf_fini(&part);
}

static void make_replies(struct reply reply[PAGES], const struct show *show, bool tile)
{
    for (size_t i = 0; i < PAGES; i++) {
        struct buf *out = &reply[i].bytes;
        reply[i].begin = i * PAGE;
        buf_init(out, 16u << 20);
        buf_str(out, tile ? "" : "{\"entries\":[");
        for (uint64_t at = i * PAGE; at < (i + 1) * PAGE; at++) {
            if (tile) {
                put_leaf(out, show, at, true);
                continue;
            }
            buf_str(out, at % PAGE == 0 ? "" : ",");
            put_entry(out, show, at);
        }
        buf_str(out, tile ? "" : "]}");
        must(buf_ok(out));
    }
}

/* One reply as a worker and a settler see it. Returns the hits. */
static size_t one(struct run *run, const struct reply *reply, struct compact *compact)
{
    struct batch *batch = &run->batch;
    uint8_t node[PAGE][32];
    struct err why = {.code = ERR_OK};
    batch_reset(batch);
    batch->log = &run->log;
    batch->begin = reply->begin;
    batch->end = reply->begin + PAGE;
    batch->body = arena_copy(&batch->arena, buf_span(&reply->bytes));
    must(work_decode(run->proto, batch, PAGE, run->gunzip, &why) == ERR_OK);
    must(batch->entry_count <= PAGE);
    for (size_t i = 0; i < batch->entry_count; i++) {
        const struct entry *entry = &batch->entries[i];
        const struct finding_set *findings = &entry->issuance.findings;
        must((entry->kind == ENTRY_PRECERT) == (entry->index % SHOWN % 3 == 0));
        must(!finding_has(findings, FINDING_PRECERT_MISMATCH) &&
             !finding_has(&entry->findings, FINDING_CHAIN_MISMATCH));
        memcpy(node[i], entry->leaf_hash, 32);
    }
    merkle_append_many(compact, node, batch->entry_count);
    batch->stage_mark = arena_mark(&batch->arena);
    must(match_batch(run->set, batch, NULL, &why) == ERR_OK);
    return batch->alert_count;
}

static int by_size(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a;
    const int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static double median(int64_t took_ns[ROUNDS])
{
    qsort(took_ns, ROUNDS, sizeof took_ns[0], by_size);
    const uint64_t entries = PAGES * PAGE;
    const int64_t middle_ns = took_ns[ROUNDS / 2];
    return (double)entries * 1e9 / (double)middle_ns;
}

static struct watchset *set_of(size_t count, size_t first)
{
    struct watch *watches = calloc(count, sizeof *watches);
    must(watches != NULL);
    for (size_t i = 0; i < count; i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "bench-%zu.example.com", i * 97 + first);
        watches[i] = (struct watch){.id = (int64_t)i + 1, .kind = WATCH_DNS, .name = strdup(text)};
    }
    struct watchset *set = watchset_new(watches, count, 1);
    must(set != NULL);
    return set;
}

/* No certificate is met by the first three, some are by the last one: judging a certificate costs a thousand
 * times what matching its names does. */
static const struct {
    size_t count;
    size_t first;
} lists[] = {{10, 100000000}, {10000, 100000000}, {1000000, 100000000}, {10, 13}};

/* The lists take turns, so that a neighbour on the same core disturbs all of them; the median round counts.
 */
static void measure(const struct show *show, bool tile)
{
    static struct reply reply[PAGES];
    struct run runs[countof(lists)];
    int64_t took_ns[countof(lists)][ROUNDS];
    size_t hits[countof(lists)] = {0};
    double first = 0;
    make_replies(reply, show, tile);
    for (size_t i = 0; i < countof(lists); i++) {
        runs[i] = (struct run){.proto = proto_of(tile ? CTLOG_STATIC_CT : CTLOG_RFC6962),
                               .set = set_of(lists[i].count, lists[i].first),
                               .reply = reply,
                               .gunzip = gunzip_new(),
                               .log = {.id = 1, .name = "bench"}};
        must(runs[i].gunzip != NULL && batch_init(&runs[i].batch, 16u << 20));
    }
    for (size_t round = 0; round < (ROUNDS + 1) * countof(lists); round++) {
        size_t at = round % countof(lists);
        struct compact compact = {.size = 0};
        int64_t start_ns = certmill_cpu_ns();
        hits[at] = 0;
        for (size_t i = 0; i < PAGES; i++)
            hits[at] += one(&runs[at], &reply[i], &compact);
        if (round >= countof(lists)) /* the first one warms up */
            took_ns[at][round / countof(lists) - 1] = certmill_cpu_ns() - start_ns;
    }
    for (size_t i = 0; i < countof(lists); i++) {
        double rate = median(took_ns[i]);
        first = i == 0 ? rate : first;
        printf("%-10s %6zu watched  %7zu bytes a reply  %9.0f entries/s per core  (%zu hits)",
               tile ? "static-ct" : "rfc6962", lists[i].count, reply[0].bytes.len, rate, hits[i]);
        if (i == 1 || i == 2)
            printf("  slowdown%s got=%.1f%%", i == 1 ? " floor=10% goal=1%" : "", 100 * (first / rate - 1));
        printf("\n");
        batch_fini(&runs[i].batch);
        gunzip_free(runs[i].gunzip);
        watchset_unpin(runs[i].set);
    }
    for (size_t i = 0; i < PAGES; i++)
        buf_fini(&reply[i].bytes);
}

int main(void)
{
    static struct show show;
    must(dns_psl_load(SPAN_NONE, NULL) == ERR_OK);
    show_make(&show);
    measure(&show, false);
    measure(&show, true);
    show_free(&show);
    return 0;
}
