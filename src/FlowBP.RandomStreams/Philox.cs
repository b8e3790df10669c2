// Counter-based random bits: a block of four words is a pure function of a key and a counter, so any draw of a run can be
// made anywhere, in any order, without carrying a generator state through checkpoints and ranks.

namespace FlowBP.RandomStreams;

/// <summary>
/// Philox4x32-10 of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).
/// </summary>
public static class Philox
{
    private const int Rounds = 10;
    private const uint Multiplier0 = 0xD2511F53;
    private const uint Multiplier1 = 0xCD9E8D57;

    // Key increments: the golden ratio and √3 − 1, as fractions of 2^32.
    private const uint Weyl0 = 0x9E3779B9;
    private const uint Weyl1 = 0xBB67AE85;

    /// <summary>The four random words at one counter value.</summary>
    /// <param name="counter">The 128-bit counter, lowest word first.</param>
    /// <param name="key">The 64-bit key; its lower half is the first key word.</param>
    public static (uint Word0, uint Word1, uint Word2, uint Word3) Block(
        (uint Word0, uint Word1, uint Word2, uint Word3) counter,
        ulong key
    )
    {
        var (c0, c1, c2, c3) = counter;
        var key0 = (uint)key;
        var key1 = (uint)(key >> 32);
        for (var round = 0; round < Rounds; round++)
        {
            var product0 = (ulong)Multiplier0 * c0;
            var product1 = (ulong)Multiplier1 * c2;
            (c0, c1, c2, c3) = (
                (uint)(product1 >> 32) ^ c1 ^ key0,
                (uint)product1,
                (uint)(product0 >> 32) ^ c3 ^ key1,
                (uint)product0
            );
            unchecked
            {
                key0 += Weyl0;
                key1 += Weyl1;
            }
        }
        return (c0, c1, c2, c3);
    }
}
