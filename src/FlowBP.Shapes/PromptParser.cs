// From text back to meaning, by recursive descent over words. A person may type prompts (--prompts FILE), so every
// refusal says which word was met, what was expected there and, for a near miss, what was probably meant.
using System.Diagnostics.CodeAnalysis;

namespace FlowBP.Shapes;

internal ref struct PromptParser
{
    private readonly string _text;
    private readonly string[] _words;
    private int _next;

    private PromptParser(string text)
    {
        _text = text;
        _words = text.ToLowerInvariant().Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
    }

    public static Prompt Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var parser = new PromptParser(text);
        var prompt = parser.Sentence();
        if (parser._next != parser._words.Length)
        {
            parser.Refuse("the end of the prompt");
        }

        return prompt;
    }

    private Prompt Sentence()
    {
        var frame = Frame();
        var number = IndexOf(Prompt.Numbers);
        if (number >= 0)
        {
            return Prompt.Several(number + 2, Phrase(ShapeKinds.Plural)).In(new(frame, true));
        }

        // "a circle" has no frame, but "a" may be the first word of one.
        var before = frame.Length == 0 ? "'a', 'photo of', " : "'a' or ";
        var articles = Accept("a");
        var first = Phrase(
            ShapeKinds.Singular,
            articles ? "" : $"{before}one of {string.Join(", ", Prompt.Numbers)}, "
        );
        return Rest(first, articles).In(new(frame, articles));
    }

    private string Frame()
    {
        var article = _words is ["a", "photo", ..] ? "a " : "";
        if (article.Length > 0)
        {
            Expect("a");
        }
        if (!Accept("photo"))
        {
            return "";
        }
        Expect("of");
        return article + "photo of ";
    }

    private Prompt Rest(ObjectPhrase first, bool articles)
    {
        if (_next == _words.Length)
        {
            return Prompt.One(first);
        }

        Relation? relation = null;
        if (!Accept("and"))
        {
            relation = RelationWords();
        }

        if (articles)
        {
            Expect("a");
        }
        var second = Phrase(ShapeKinds.Singular);
        return relation is { } found ? Prompt.Related(first, found, second) : Prompt.Pair(first, second);
    }

    private Relation RelationWords()
    {
        foreach (var relation in Relations.All)
        {
            var words = relation.Text().Split(' ');
            if (!Accept(words[0]))
            {
                continue;
            }

            foreach (var word in words.Skip(1))
            {
                Expect(word);
            }

            return relation;
        }
        Refuse($"'and', one of {string.Join(", ", Relations.All.Select(r => r.Text()))}, or the end of the prompt");
        return default;
    }

    private ObjectPhrase Phrase(Func<ShapeKind, string> noun, string orElse = "")
    {
        var colour = IndexOf([.. Palette.All.Select(c => c.Name())]);
        string[] nouns = [.. ShapeKinds.All.Select(noun)];
        var shape = IndexOf(nouns);
        if (shape < 0)
        {
            var colours = colour >= 0 ? "" : $"a colour ({string.Join(", ", Palette.All.Select(c => c.Name()))}) or ";
            Refuse($"{orElse}{colours}one of {string.Join(", ", nouns)}");
        }
        return new((ShapeKind)shape, colour >= 0 ? (ShapeColour)colour : null);
    }

    private int IndexOf(IReadOnlyList<string> words)
    {
        if (_next == _words.Length)
        {
            return -1;
        }

        for (var i = 0; i < words.Count; i++)
        {
            if (words[i] == _words[_next])
            {
                _next++;
                return i;
            }
        }
        return -1;
    }

    private bool Accept(string word)
    {
        var met = _next < _words.Length && _words[_next] == word;
        _next += met ? 1 : 0;
        return met;
    }

    private void Expect(string word)
    {
        if (!Accept(word))
        {
            Refuse($"'{word}'");
        }
    }

    [DoesNotReturn]
    private readonly void Refuse(string expected)
    {
        var met = "the end of the prompt";
        var unknown = "";
        if (_next < _words.Length)
        {
            met = $"'{_words[_next]}' (word {_next + 1})";
            if (!Vocabulary.Words.Contains(_words[_next]))
            {
                unknown = " This world knows only these words: " + string.Join(" ", Vocabulary.Words) + ".";
            }
        }
        throw new FormatException($"cannot read the prompt \"{_text}\": found {met}, expected {expected}.{unknown}");
    }
}
