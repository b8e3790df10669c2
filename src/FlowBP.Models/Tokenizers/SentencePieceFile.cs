// A SentencePiece model file (spiece.model): a protocol buffer message of which a tokenizer needs pieces, a few numbers and
// the compiled normalisation. The wire format is simple enough to be walked directly; every length is checked before use.
// Field numbers are those of sentencepiece_model.proto.

using System.Buffers.Binary;
using System.Text;
using FlowBP.Formats;

namespace FlowBP.Models.Tokenizers;

/// <summary>What a piece is for.</summary>
internal enum SentencePieceKind
{
    Normal = 1,
    Unknown = 2,
    Control = 3,
    UserDefined = 4,
    Unused = 5,
    Byte = 6,
}

/// <summary>One entry of the vocabulary; its place in the list is its id.</summary>
internal sealed record SentencePiece(string Text, float Score, SentencePieceKind Kind);

/// <summary>An opened SentencePiece model.</summary>
internal sealed class SentencePieceFile
{
    private const int Unigram = 1;

    private readonly string file;

    private SentencePieceFile(string file) => this.file = file;

    public List<SentencePiece> Pieces { get; } = [];

    public byte[] CharacterMap { get; private set; } = [];

    public bool AddsDummyPrefix { get; private set; } = true;

    public bool RemovesExtraSpaces { get; private set; } = true;

    public static SentencePieceFile Open(string file)
    {
        var bytes = CheckpointException.Guard(file, () => File.ReadAllBytes(file));
        var model = new SentencePieceFile(file);
        model.ReadModel(bytes);
        return model;
    }

    private void ReadModel(ReadOnlySpan<byte> message)
    {
        while (Next(ref message, out var field, out var _, out var content))
        {
            switch (field)
            {
                case 1:
                    Pieces.Add(ReadPiece(content));
                    break;
                case 2:
                    ReadTrainer(content);
                    break;
                case 3:
                    ReadNormalizer(content);
                    break;
            }
        }
        if (Pieces.Count == 0)
        {
            throw CheckpointException.ForFile(file, "found no pieces, expected a SentencePiece model");
        }
    }

    private SentencePiece ReadPiece(ReadOnlySpan<byte> message)
    {
        var text = "";
        float score = 0;
        var kind = (ulong)SentencePieceKind.Normal;
        while (Next(ref message, out var field, out var number, out var content))
        {
            switch (field)
            {
                case 1:
                    text = Encoding.UTF8.GetString(content);
                    break;
                case 2:
                    score = BitConverter.UInt32BitsToSingle((uint)number);
                    break;
                case 3:
                    kind = number;
                    break;
            }
        }
        if (text.Length == 0 || !float.IsFinite(score) || kind is 0 or > (ulong)SentencePieceKind.Byte)
        {
            throw CheckpointException.ForFile(
                file,
                $"piece {Pieces.Count}: found '{text}' of kind {kind} with score {score}, expected a text, a kind and a finite score"
            );
        }
        return new SentencePiece(text, score, (SentencePieceKind)kind);
    }

    private void ReadTrainer(ReadOnlySpan<byte> message)
    {
        while (Next(ref message, out var field, out var number, out _))
        {
            if (field == 3 && number != Unigram)
            {
                throw CheckpointException.ForFile(file, $"found model type {number}, expected {Unigram} (unigram)");
            }
        }
    }

    private void ReadNormalizer(ReadOnlySpan<byte> message)
    {
        while (Next(ref message, out var field, out var number, out var content))
        {
            switch (field)
            {
                case 2:
                    CharacterMap = content.ToArray();
                    break;
                case 3:
                    AddsDummyPrefix = number != 0;
                    break;
                case 4:
                    RemovesExtraSpaces = number != 0;
                    break;
            }
        }
    }

    // One field of a message: its number, and its value as a number or as bytes.
    private bool Next(ref ReadOnlySpan<byte> message, out int field, out ulong number, out ReadOnlySpan<byte> content)
    {
        number = 0;
        content = default;
        field = 0;
        if (message.IsEmpty)
        {
            return false;
        }
        var key = Variable(ref message);
        field = key >> 3 <= int.MaxValue ? (int)(key >> 3) : throw Damaged();
        switch (key & 7)
        {
            case 0:
                number = Variable(ref message);
                break;
            case 1:
                number = BinaryPrimitives.ReadUInt64LittleEndian(Take(ref message, 8));
                break;
            case 2:
                content = Take(ref message, Variable(ref message));
                break;
            case 5:
                number = BinaryPrimitives.ReadUInt32LittleEndian(Take(ref message, 4));
                break;
            default:
                throw Damaged();
        }
        return true;
    }

    private ulong Variable(ref ReadOnlySpan<byte> message)
    {
        ulong value = 0;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var b = Take(ref message, 1)[0];
            value |= (ulong)(b & 0x7F) << shift;
            if (b < 0x80)
            {
                return value;
            }
        }
        throw Damaged();
    }

    private ReadOnlySpan<byte> Take(ref ReadOnlySpan<byte> message, ulong count)
    {
        if (count > (ulong)message.Length)
        {
            throw Damaged();
        }
        var taken = message[..(int)count];
        message = message[(int)count..];
        return taken;
    }

    private CheckpointException Damaged() =>
        CheckpointException.ForFile(file, "is damaged or no SentencePiece model: a field does not fit the file");
}
