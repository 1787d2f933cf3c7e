#include "verify/digest.h"

#include <openssl/evp.h>
#include <pthread.h>

#include "base/cpu.h"
#include "verify/shani.h"
#include "verify/shavx2.h"

/* A message this long is hashed by libcrypto: the other lanes would be empty before its end. */
#define DIGEST_LANES_BYTES (64u << 10)

/* Fetching the algorithm costs more than hashing a tree node, so it is done once for the process; a context
 * is reused by its thread because making one costs a third of such a hash. */
static pthread_once_t digest_once = PTHREAD_ONCE_INIT;
static pthread_key_t digest_key;
static EVP_MD *digest_md;
static _Thread_local EVP_MD_CTX *digest_ctx;

static void digest_thread_end(void *ctx)
{
    EVP_MD_CTX_free(ctx);
}

static void digest_setup(void)
{
    digest_md = EVP_MD_fetch(NULL, "SHA256", NULL);
    must(digest_md != NULL);
    must(pthread_key_create(&digest_key, digest_thread_end) == 0);
}

static EVP_MD_CTX *digest_begin(void)
{
    if (digest_ctx == NULL) {
        must(pthread_once(&digest_once, digest_setup) == 0);
        digest_ctx = EVP_MD_CTX_new();
        must(digest_ctx != NULL);
        must(pthread_setspecific(digest_key, digest_ctx) == 0);
    }
    must(EVP_DigestInit_ex2(digest_ctx, digest_md, NULL) == 1);
    return digest_ctx;
}

void digest_sha256(struct span bytes, uint8_t out[32])
{
    EVP_MD_CTX *ctx = digest_begin();

    must(EVP_DigestUpdate(ctx, bytes.at, bytes.len) == 1);
    must(EVP_DigestFinal_ex(ctx, out, NULL) == 1);
}

void digest_sha256_pieces(const struct span *piece, size_t count, uint8_t out[32])
{
    EVP_MD_CTX *ctx = digest_begin();

    for (size_t i = 0; i < count; i++)
        must(EVP_DigestUpdate(ctx, piece[i].at, piece[i].len) == 1);
    must(EVP_DigestFinal_ex(ctx, out, NULL) == 1);
}

static void digest_job_alone(const struct digest_job *job)
{
    digest_sha256_pieces(job->piece, job->count, job->out);
}

static void digest_each_alone(const struct digest_job *job, size_t count)
{
    for (size_t i = 0; i < count; i++)
        digest_job_alone(&job[i]);
}

static bool digest_is_long(const struct digest_job *job)
{
    size_t left = DIGEST_LANES_BYTES;

    for (size_t i = 0; i < job->count; i++) {
        if (job->piece[i].len > left)
            return true;
        left -= job->piece[i].len;
    }
    return false;
}

static void digest_run(const struct lanes_kernel *kernel, const struct digest_job *job, size_t count)
{
    if (count < kernel->least)
        digest_each_alone(job, count);
    else
        lanes_hash(kernel, job, count);
}

static void digest_by_lanes(const struct lanes_kernel *kernel, const struct digest_job *job, size_t count)
{
    size_t begin = 0;

    must(kernel != NULL);
    for (size_t i = 0; i < count; i++) {
        if (!digest_is_long(&job[i]))
            continue;
        digest_run(kernel, job + begin, i - begin);
        digest_job_alone(&job[i]);
        begin = i + 1;
    }
    digest_run(kernel, job + begin, count - begin);
}

/* One row per way, as good as any that stands above it or better. */
static const struct {
    const char *name;
    unsigned needs; /* enum cpu_feature */
    const struct lanes_kernel *(*kernel)(void);
} digest_ways[DIGEST_WAYS] = {
    [DIGEST_PORTABLE] = {"portable", 0, NULL},
    [DIGEST_AVX2] = {"avx2", CPU_AVX2, shavx2_kernel},
    [DIGEST_SHANI] = {"shani", CPU_SHANI, shani_kernel},
};

const char *digest_way_name(enum digest_way way)
{
    must((unsigned)way < DIGEST_WAYS);
    return digest_ways[way].name;
}

bool digest_way_found(enum digest_way way)
{
    must((unsigned)way < DIGEST_WAYS);
    return (digest_ways[way].needs & ~cpu_found()) == 0;
}

enum digest_way digest_way_best(void)
{
    for (unsigned way = DIGEST_WAYS; --way > DIGEST_PORTABLE;)
        if (cpu_has((enum cpu_feature)digest_ways[way].needs))
            return (enum digest_way)way;
    return DIGEST_PORTABLE;
}

void digest_many_by(enum digest_way way, const struct digest_job *job, size_t count)
{
    must((unsigned)way < DIGEST_WAYS);
    if (digest_ways[way].kernel == NULL)
        digest_each_alone(job, count);
    else
        digest_by_lanes(digest_ways[way].kernel(), job, count);
}

void digest_many(const struct digest_job *job, size_t count)
{
    digest_many_by(digest_way_best(), job, count);
}
