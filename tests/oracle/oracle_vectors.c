/* Published vectors: pairs of precertificate and final certificate (four ways to sign them), the golden TBS
 * of a real certificate, and real data tiles. Skipped (77) where CTVIGIL_SHARED has no vectors. */
#include <stdio.h>
#include <stdlib.h>

#include "base/dns.h"
#include "base/text.h"
#include "cli/pem.h"
#include "ingest/examine.h"
#include "parser/leaf.h"
#include "parser/precert.h"
#include "parser/tbs.h"
#include "verify/digest.h"

#define ROOM (1u << 20)

static const char *folder;
static unsigned long failures;

#define CHECK(condition, ...)                                                                                \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            printf(__VA_ARGS__);                                                                             \
            printf(": %s does not hold\n", #condition);                                                      \
            failures++;                                                                                      \
        }                                                                                                    \
    } while (0)

static struct span read_file(const char *name)
{
    char path[4096];
    uint8_t *room = malloc(ROOM);

    must(room != NULL);
    (void)snprintf(path, sizeof path, "%s/vectors/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    size_t len = fread(room, 1, ROOM, file);
    (void)fclose(file);
    return span_of(room, len);
}

static struct span read_pem(const char *name)
{
    struct span text = read_file(name);
    struct pem pem = pem_of(text);
    struct pem_block block;
    uint8_t *der = malloc(ROOM);
    size_t len = 0;

    must(der != NULL && pem_next(&pem, &block) && pem_decode(block.body, der, &len));
    free((void *)(uintptr_t)text.at);
    return span_of(der, len);
}

/* The final certificate without its SCT list must equal the precertificate as the log would store it. */
static void check_pair(const char *final_name, const char *precert_name, const char *preissuer_name)
{
    struct span final_der = read_pem(final_name);
    struct span precert_der = read_pem(precert_name);
    struct span preissuer_der = preissuer_name == NULL ? SPAN_NONE : read_pem(preissuer_name);
    struct cert final_cert, precert, preissuer;
    struct precert_pieces left, right;
    uint8_t a[32], b[32];

    CHECK(tbs_read_certificate(final_der, &final_cert), "%s", final_name);
    CHECK(tbs_read_certificate(precert_der, &precert), "%s", precert_name);
    CHECK((precert.flags & CERT_POISON) != 0, "%s", precert_name);
    CHECK(final_cert.sct_list.at != NULL, "%s", final_name);
    CHECK(precert_normal_form(&final_cert, &left), "%s", final_name);
    if (preissuer_name == NULL) {
        CHECK(precert_normal_form(&precert, &right), "%s", precert_name);
    } else {
        CHECK(tbs_read_certificate(preissuer_der, &preissuer), "%s", preissuer_name);
        CHECK((preissuer.flags & CERT_PRECERT_SIGNING) != 0, "%s", preissuer_name);
        CHECK(precert_normal_form(&precert, &right), "%s", precert_name);
        digest_sha256_pieces(left.piece, left.count, a);
        digest_sha256_pieces(right.piece, right.count, b);
        CHECK(memcmp(a, b, 32) != 0, "%s without the real issuer", precert_name);
        CHECK(precert_normal_form_preissuer(&precert, &preissuer, &right), "%s", precert_name);
    }
    digest_sha256_pieces(left.piece, left.count, a);
    digest_sha256_pieces(right.piece, right.count, b);
    CHECK(left.length == right.length && memcmp(a, b, 32) == 0, "%s and %s", final_name, precert_name);
    free((void *)(uintptr_t)final_der.at);
    free((void *)(uintptr_t)precert_der.at);
    free((void *)(uintptr_t)preissuer_der.at);
}

static void check_golden(void)
{
    struct span der = read_pem("precert_pairs/azul-cloudflare.pem");
    struct span tbs = read_file("precert_pairs/azul-cloudflare-tbs-without-sct.der");
    struct precert_pieces pieces;
    struct cert cert;

    CHECK(tbs_read_certificate(der, &cert) && precert_normal_form(&cert, &pieces), "golden");
    CHECK(precert_pieces_equal(&pieces, tbs), "golden");
    free((void *)(uintptr_t)der.at);
    free((void *)(uintptr_t)tbs.at);
}

/* Every entry: position, kind, TBS of the precertificate, no finding of damage; with `hashes` the leaf hashes
 * too. */
static void check_tile(const char *name, uint64_t first, unsigned entries, const char *hashes,
                       struct arena *arena)
{
    struct span tile = read_file(name);
    struct span expected = hashes == NULL ? SPAN_NONE : read_file(hashes);
    struct cur cur = cur_of(tile);
    unsigned count = 0;

    while (cur_left(&cur) != 0) {
        struct entry entry = {.kind = ENTRY_OPAQUE, .index = first + count};
        size_t size = leaf_tile_room(&cur);
        uint8_t *room = arena_take(arena, size + 1, 1);
        must(room != NULL);
        room[0] = 0;
        if (!leaf_read_tile(&cur, room + 1, size, &entry)) {
            CHECK(false, "%s entry %u", name, count);
            break;
        }
        examine_entry(&entry, arena);
        examine_prove_issuer(&entry, SPAN_NONE);
        CHECK(entry.kind == ENTRY_PRECERT, "%s entry %u", name, count);
        CHECK(!finding_any_broken(&entry.issuance.findings), "%s entry %u", name, count);
        CHECK(!finding_has(&entry.findings, FINDING_LEAF_INDEX), "%s entry %u", name, count);
        CHECK(!finding_has(&entry.findings, FINDING_PRECERT_MISMATCH), "%s entry %u", name, count);
        CHECK(entry.issuance.name_count != 0, "%s entry %u", name, count);
        if (expected.at != NULL)
            CHECK(memcmp(entry.leaf_hash, expected.at + 32 * (size_t)count, 32) == 0, "%s entry %u", name,
                  count);
        count++;
        arena_reset(arena, ROOM);
    }
    CHECK(count == entries, "%s", name);
    free((void *)(uintptr_t)tile.at);
    free((void *)(uintptr_t)expected.at);
}

int main(void)
{
    static const char *const pairs[][3] = {
        {"test-embedded-cert.pem", "test-embedded-pre-cert.pem", NULL},
        {"test-embedded-with-intermediate-cert.pem", "test-embedded-with-intermediate-pre-cert.pem", NULL},
        {"test-embedded-with-preca-cert.pem", "test-embedded-with-preca-pre-cert.pem", "ca-pre-cert.pem"},
        {"test-embedded-with-intermediate-preca-cert.pem",
         "test-embedded-with-intermediate-preca-pre-cert.pem", "intermediate-pre-cert.pem"},
    };
    char name[3][256];
    char probe[4096];
    struct arena arena;

    folder = getenv("CTVIGIL_SHARED");
    (void)snprintf(probe, sizeof probe, "%s/vectors/precert_pairs/test-cert.pem",
                   folder != NULL ? folder : "");
    FILE *file = fopen(probe, "rb");
    if (file == NULL) {
        printf("SKIPPED: no vectors at %s\n", probe);
        return 77;
    }
    (void)fclose(file);
    must(arena_init(&arena, 64u << 20) && dns_psl_load(SPAN_LIT("com\norg\nnet\n"), NULL) == ERR_OK);
    for (size_t i = 0; i < countof(pairs); i++) {
        for (size_t k = 0; k < 3; k++)
            (void)snprintf(name[k], sizeof name[k], "precert_pairs/%s",
                           pairs[i][k] != NULL ? pairs[i][k] : "");
        check_pair(name[0], name[1], pairs[i][2] != NULL ? name[2] : NULL);
    }
    check_golden();
    check_tile("navigli2025h2/tile/data/000", 0, 256, "navigli2025h2/tile/0/000", &arena);
    check_tile("navigli2025h2/tile/data/001", 256, 256, "navigli2025h2/tile/0/001", &arena);
    check_tile("navigli2025h2/tile/data/002", 512, 256, "navigli2025h2/tile/0/002", &arena);
    check_tile("navigli2025h2/tile/data/003", 768, 256, "navigli2025h2/tile/0/003", &arena);
    check_tile("tesseract/example_data_tile", 1024, 256, NULL, &arena);
    arena_fini(&arena);
    printf("%lu failures\n", failures);
    return failures == 0 ? 0 : 1;
}
