/* SHA-256 of what the pipeline hashes (tree nodes, keys, leaves, certificates), by each way of
 * verify/digest.h and by libcrypto, message by message: as one would call it without thought, and as well as
 * it can be called. The ways take turns in every round, so that a busy machine disturbs all of them alike;
 * medians are printed, and ratios of the same run. */
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bench/certmill.h"
#include "verify/digest.h"

#define MESSAGES 256
#define ROUNDS   101
#define SHAPES   6
#define RIVALS   3 /* beside the ways of digest.h */
#define NAIVE    0 /* SHA256() */
#define FETCHED  2 /* EVP, fetched once */

struct load {
    struct digest_job job[MESSAGES];
    struct span piece[MESSAGES][2];
    uint8_t out[MESSAGES][32];
};

static void by_one_shot(const struct load *load)
{
    for (size_t i = 0; i < MESSAGES; i++)
        (void)SHA256(load->piece[i][1].at - 1, load->piece[i][1].len + 1, load->job[i].out);
}

/* The usual code: a context and the algorithm by its old name for every message. */
static void by_context(const struct load *load)
{
    for (size_t i = 0; i < MESSAGES; i++) {
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        must(context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1);
        for (size_t k = 0; k < load->job[i].count; k++)
            must(EVP_DigestUpdate(context, load->piece[i][k].at, load->piece[i][k].len) == 1);
        must(EVP_DigestFinal_ex(context, load->job[i].out, NULL) == 1);
        EVP_MD_CTX_free(context);
    }
}

static void hash_by(EVP_MD_CTX *context, const EVP_MD *md, const struct digest_job *job)
{
    must(EVP_DigestInit_ex2(context, md, NULL) == 1);
    for (size_t k = 0; k < job->count; k++)
        must(EVP_DigestUpdate(context, job->piece[k].at, job->piece[k].len) == 1);
    must(EVP_DigestFinal_ex(context, job->out, NULL) == 1);
}

/* The best that its interface allows: the algorithm fetched once, and one context for all. */
static void by_fetched(const struct load *load)
{
    static EVP_MD *md;
    static EVP_MD_CTX *context;

    if (md == NULL) {
        md = EVP_MD_fetch(NULL, "SHA256", NULL);
        context = EVP_MD_CTX_new();
        must(md != NULL && context != NULL);
    }
    for (size_t i = 0; i < MESSAGES; i++)
        hash_by(context, md, &load->job[i]);
}

/* Messages of `length` bytes, or of all lengths up to 1400; the first byte is a piece of its own. */
static void load_make(struct load *load, uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < MESSAGES; i++) {
        size_t len = length != 0 ? length : 1 + (i * 677) % 1400;
        load->piece[i][0] = span_of(bytes, 1);
        load->piece[i][1] = span_of(bytes + 1, len - 1);
        load->job[i] = (struct digest_job){load->piece[i], 2, load->out[i]};
        bytes += len;
    }
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

static const char *rival_name(unsigned rival)
{
    static const char *const names[RIVALS] = {"SHA256()", "EVP, new", "EVP, once"};

    return rival < RIVALS ? names[rival] : digest_way_name((enum digest_way)(rival - RIVALS));
}

static bool rival_found(unsigned rival)
{
    return rival < RIVALS || digest_way_found((enum digest_way)(rival - RIVALS));
}

static double once(unsigned rival, struct load *load, const struct load *expected)
{
    static void (*const by[RIVALS])(const struct load *) = {by_one_shot, by_context, by_fetched};

    int64_t start_ns = certmill_cpu_ns();
    if (rival < RIVALS)
        by[rival](load);
    else
        digest_many_by((enum digest_way)(rival - RIVALS), load->job, MESSAGES);
    double took_ns = (double)(certmill_cpu_ns() - start_ns) / MESSAGES;
    must(expected == NULL || memcmp(load->out, expected->out, sizeof load->out) == 0);
    return took_ns;
}

static void print_cell(double ns, double naive_ns, double fetched_ns)
{
    printf(" %5.0f %4.1fx %4.1fx", ns, naive_ns / ns, fetched_ns / ns);
}

static double median(double took[][SHAPES][ROUNDS], unsigned rival, size_t s)
{
    return took[rival][s][ROUNDS / 2];
}

/* A node, a leaf and a certificate: what every entry costs. */
static double entry(double took[][SHAPES][ROUNDS], unsigned rival)
{
    return median(took, rival, 0) + median(took, rival, 2) + median(took, rival, 3);
}

static void print(unsigned rival, double took[][SHAPES][ROUNDS])
{
    printf("%-12s", rival_name(rival));
    if (!rival_found(rival)) {
        puts("   not on this processor");
        return;
    }
    for (size_t s = 0; s < SHAPES; s++)
        print_cell(median(took, rival, s), median(took, NAIVE, s), median(took, FETCHED, s));
    print_cell(entry(took, rival), entry(took, NAIVE), entry(took, FETCHED));
    puts("");
}

int main(void)
{
    static const size_t shape[SHAPES] = {65, 294, 931, 1014, 2000, 0};
    static double took[RIVALS + DIGEST_WAYS][SHAPES][ROUNDS];
    static struct load load, expected;
    static uint8_t bytes[MESSAGES * 2000];

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)((i * 2654435761u) >> 13);
    for (size_t s = 0; s < SHAPES; s++) {
        load_make(&load, bytes, shape[s]);
        load_make(&expected, bytes, shape[s]);
        (void)once(NAIVE, &expected, NULL);
        for (size_t round = 0; round < ROUNDS; round++)
            for (unsigned rival = 0; rival < RIVALS + DIGEST_WAYS; rival++)
                if (rival_found(rival))
                    took[rival][s][round] = once(rival, &load, &expected);
        for (unsigned rival = 0; rival < RIVALS + DIGEST_WAYS; rival++)
            qsort(took[rival][s], ROUNDS, sizeof(double), by_size);
    }
    printf("ns a message, times as fast as SHA256(), times as fast as EVP fetched once\n%-12s", "");
    for (size_t s = 0; s < SHAPES; s++)
        printf(shape[s] != 0 ? "%13zu B   " : "    1 to 1400 B   ", shape[s]);
    puts("     65 + 931 + 1014");
    for (unsigned rival = 0; rival < RIVALS + DIGEST_WAYS; rival++)
        print(rival, took);
    return 0;
}
