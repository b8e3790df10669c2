// All randomness of a run: an endless sequence of draws addressed by (seed, step, sample, purpose). The same address gives
// the same draws on one rank or sixty-four, before and after a resume, on any machine: bits come from Philox, and the
// transcendental functions from PortableMath rather than the platform's C library.

namespace FlowBP.RandomStreams;

/// <summary>
/// A random stream. A class, so that a copy can't silently draw the same numbers twice. Not thread-safe; make one per
/// sample instead.
/// </summary>
/// <example>
/// <code>
/// var stream = RandomStream.For(seed: 42, step: 7, sample: rank * batch + b, RandomPurpose.InitialNoise);
/// stream.FillNormal(x);
/// </code>
/// </example>
public sealed class RandomStream
{
    /// <summary>Steps and samples are below this number, 2^44.</summary>
    public const long AddressLimit = 1L << 44;

    private const int WordsPerBlock = 4;

    private readonly ulong _key;
    private readonly uint _counter1;
    private readonly uint _counter2;
    private readonly uint _counter3;
    private readonly uint[] _words = new uint[WordsPerBlock];
    private ulong _nextBlock;
    private int _usedWords = WordsPerBlock;
    private double _spareNormal;
    private bool _hasSpareNormal;

    private RandomStream(ulong seed, ulong step, ulong sample, uint purpose)
    {
        // The counter holds the address itself, not a hash of it: two different addresses can't collide.
        // word 0: block, word 1: sample, word 2: step, word 3: step (12 bits) | sample (12 bits) | purpose (8 bits).
        _key = seed;
        _counter1 = (uint)sample;
        _counter2 = (uint)step;
        _counter3 = ((uint)(step >> 32) << 20) | ((uint)(sample >> 32) << 8) | purpose;
    }

    /// <summary>The stream at an address, at its beginning.</summary>
    /// <param name="seed">Seed of the run.</param>
    /// <param name="step">Training step, in [0, <see cref="AddressLimit"/>).</param>
    /// <param name="sample">Index of the sample in the global batch, in [0, <see cref="AddressLimit"/>).</param>
    /// <param name="purpose">What the draws are for.</param>
    /// <exception cref="ArgumentOutOfRangeException">An argument is outside its range.</exception>
    public static RandomStream For(ulong seed, long step, long sample, RandomPurpose purpose)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(step, AddressLimit);
        ArgumentOutOfRangeException.ThrowIfNegative(sample);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(sample, AddressLimit);
        if (!Enum.IsDefined(purpose))
        {
            throw new ArgumentOutOfRangeException(nameof(purpose), purpose, "not a random purpose");
        }
        return new(seed, (ulong)step, (ulong)sample, (uint)purpose);
    }

    /// <summary>A uniform 32-bit word.</summary>
    /// <exception cref="InvalidOperationException">The stream's 2^34 words are used up.</exception>
    public uint NextUInt32()
    {
        if (_usedWords == WordsPerBlock)
        {
            if (_nextBlock > uint.MaxValue)
            {
                throw new InvalidOperationException("a random stream holds 2^34 words; all of them are used up");
            }
            (_words[0], _words[1], _words[2], _words[3]) = Philox.Block(
                ((uint)_nextBlock, _counter1, _counter2, _counter3),
                _key
            );
            _nextBlock++;
            _usedWords = 0;
        }
        return _words[_usedWords++];
    }

    /// <summary>A uniform multiple of 2^-53 in [0, 1); takes two words.</summary>
    public double NextDouble()
    {
        var low = NextUInt32();
        var high = NextUInt32();
        return ((((ulong)high << 32) | low) >> 11) * (1.0 / (1L << 53));
    }

    /// <summary>A uniform integer in [0, n), without the bias of a remainder.</summary>
    /// <param name="n">Number of outcomes, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="n"/> is below 1.</exception>
    /// <remarks>Lemire, "Fast random integer generation in an interval" (2019).</remarks>
    public int NextInt(int n)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(n, 1);
        var range = (uint)n;
        var product = (ulong)NextUInt32() * range;
        if ((uint)product < range)
        {
            var rejectedBelow = unchecked(0u - range) % range;
            while ((uint)product < rejectedBelow)
            {
                product = (ulong)NextUInt32() * range;
            }
        }
        return (int)(product >> 32);
    }

    /// <summary>A draw from N(0, 1), by the Box-Muller transform in double; every second draw is free.</summary>
    public double NextNormal()
    {
        if (_hasSpareNormal)
        {
            _hasSpareNormal = false;
            return _spareNormal;
        }
        var radius = Math.Sqrt(-2 * PortableMath.Log(1 - NextDouble()));
        var (sine, cosine) = PortableMath.SinCosTurns(NextDouble());
        _spareNormal = radius * sine;
        _hasSpareNormal = true;
        return radius * cosine;
    }

    /// <summary>
    /// Fills with draws from N(0, 1), each rounded from double. The values are those of as many calls of
    /// <see cref="NextNormal"/>, so it makes no difference into how many pieces a buffer is cut.
    /// </summary>
    /// <param name="destination">Receives the draws, in order.</param>
    public void FillNormal(Span<float> destination)
    {
        foreach (ref var value in destination)
        {
            value = (float)NextNormal();
        }
    }

    /// <summary>Fills with draws from N(0, 1), as <see cref="NextNormal"/> would give them.</summary>
    /// <param name="destination">Receives the draws, in order.</param>
    public void FillNormal(Span<double> destination)
    {
        foreach (ref var value in destination)
        {
            value = NextNormal();
        }
    }

    /// <summary>
    /// A draw from the gamma distribution with unit scale. A Dirichlet draw is a vector of these over their sum.
    /// </summary>
    /// <param name="shape">Positive and finite.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="shape"/> is not positive and finite.</exception>
    /// <remarks>Marsaglia and Tsang, "A simple method for generating gamma variables" (2000).</remarks>
    public double NextGamma(double shape)
    {
        if (!(shape > 0 && double.IsFinite(shape)))
        {
            throw new ArgumentOutOfRangeException(nameof(shape), shape, "the shape must be positive and finite");
        }
        if (shape < 1)
        {
            // Gamma(a) = Gamma(a + 1) · U^(1/a).
            var larger = NextGamma(shape + 1);
            return larger * PortableMath.Exp(PortableMath.Log(1 - NextDouble()) / shape);
        }
        var d = shape - (1.0 / 3);
        var c = 1 / Math.Sqrt(9 * d);
        while (true)
        {
            var z = NextNormal();
            var root = 1 + (c * z);
            if (root <= 0)
            {
                continue;
            }
            var v = root * root * root;
            var logU = PortableMath.Log(1 - NextDouble());
            if (logU < (0.5 * z * z) + d - (d * v) + (d * PortableMath.Log(v)))
            {
                return d * v;
            }
        }
    }
}
