#include "verify/lanes.h"

#define BLOCK  64
#define LENGTH 8 /* of the message in bits, at the end of the padding */

const uint32_t lanes_k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static const uint32_t initial[8] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

static void put_be(uint8_t *at, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        at[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
}

static void finish(const struct lanes_lane *lane)
{
    for (size_t i = 0; i < 8; i++)
        put_be(lane->out + 4 * i, lane->state[i], 4);
}

static size_t piece_left(const struct lanes_lane *lane)
{
    return lane->piece == lane->piece_end ? 0 : lane->piece->len - lane->used;
}

static void advance(struct lanes_lane *lane, size_t size)
{
    lane->used += size;
    lane->length += size;
    while (lane->piece != lane->piece_end && lane->used == lane->piece->len) {
        lane->piece++;
        lane->used = 0;
    }
}

static void start(struct lanes_lane *lane, const struct digest_job *job)
{
    memcpy(lane->state, initial, sizeof initial);
    lane->piece = job->piece;
    lane->piece_end = job->count == 0 ? job->piece : job->piece + job->count;
    lane->used = 0;
    lane->length = 0;
    lane->padded = false;
    lane->out = job->out;
    advance(lane, 0); /* past pieces that are empty */
}

/* The block that spans several pieces, or the end of the message with its padding. */
static void run_in_stage(struct lanes_lane *lane)
{
    size_t fill = 0;

    while (fill < BLOCK && lane->piece != lane->piece_end) {
        size_t left = piece_left(lane);
        size_t take = left < BLOCK - fill ? left : BLOCK - fill;
        memcpy(lane->stage + fill, lane->piece->at + lane->used, take);
        fill += take;
        advance(lane, take);
    }
    lane->at = lane->stage;
    lane->blocks = 1;
    if (fill == BLOCK)
        return;
    if (fill + 1 + LENGTH > BLOCK)
        lane->blocks = 2;
    size_t zeros = lane->blocks * BLOCK - LENGTH - (fill + 1);
    lane->stage[fill] = 0x80;
    memset(lane->stage + fill + 1, 0, zeros);
    put_be(lane->stage + fill + 1 + zeros, lane->length * 8, LENGTH);
    lane->padded = true;
}

/* The next run of the message; false: it is done, the state is its digest. */
static bool next_run(struct lanes_lane *lane)
{
    if (lane->padded)
        return false;
    size_t blocks = piece_left(lane) / BLOCK;
    if (blocks == 0) {
        run_in_stage(lane);
        return true;
    }
    lane->at = lane->piece->at + lane->used;
    lane->blocks = blocks;
    advance(lane, blocks * BLOCK);
    return true;
}

/* Gives the lane its next run, of the next job when its own message is done; false: nothing is left. */
static bool refill(struct lanes_lane *lane, const struct digest_job **job, const struct digest_job *end)
{
    if (next_run(lane))
        return true;
    finish(lane);
    if (*job == end)
        return false;
    start(lane, (*job)++);
    return next_run(lane);
}

static size_t least_blocks(struct lanes_lane *const lane[], size_t count)
{
    size_t least = lane[0]->blocks;

    for (size_t i = 1; i < count; i++)
        if (lane[i]->blocks < least)
            least = lane[i]->blocks;
    return least;
}

void lanes_hash(const struct lanes_kernel *kernel, const struct digest_job *job, size_t count)
{
    const struct digest_job *end = job + count;
    struct lanes_lane room[LANES_MAX];
    struct lanes_lane *lane[LANES_MAX];
    size_t busy = 0;

    must(kernel->width <= LANES_MAX);
    for (; busy < kernel->width && job != end; busy++) {
        lane[busy] = &room[busy];
        start(lane[busy], job++);
        must(next_run(lane[busy]));
    }
    while (busy > 0) {
        size_t blocks = least_blocks(lane, busy);
        kernel->run(lane, busy, blocks);
        for (size_t i = busy; i-- > 0;) {
            lane[i]->blocks -= blocks;
            if (lane[i]->blocks == 0 && !refill(lane[i], &job, end))
                lane[i] = lane[--busy];
        }
    }
}
