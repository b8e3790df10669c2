// A reward that reads the prompt while looking at the image: convolutions make a map of features, the words attend to it,
// and a head says whether the two belong together. This is the family of BLIP's matching head and of ImageReward (Xu et
// al. 2023), as against the two separate towers of CLIP, HPSv2 and PickScore. Because it shares neither architecture nor
// objective with these, it is a judge that an aligned model was not trained to please.
//
// Shapes: B batch, L tokens, S places of the feature map, D width, H heads, K width of a head, C channels, Y X pixels.

using FlowBP.Formats;
using FlowBP.Models.Layers;

namespace FlowBP.Models.Rewards;

/// <summary>Scores how well an image matches a prompt, by cross-attention from words to image features.</summary>
public sealed class ImageTextMatchingModel : nn.Module<Tensor, Tensor, Tensor>
{
    private readonly Conv2d conv_in;
    private readonly ModuleList<MatchingConvBlock> blocks;
    private readonly Conv2d conv_out;
    private readonly Parameter image_position;
    private readonly Embedding token_embedding;
    private readonly Parameter positional_embedding;
    private readonly ModuleList<MatchingLayer> layers;
    private readonly LayerNorm norm;
    private readonly Linear head;

    /// <summary>Builds the network with the tensor library's default initialisation, in float32 on the CPU.</summary>
    public ImageTextMatchingModel(ImageTextMatchingConfig config)
        : base(nameof(ImageTextMatchingModel))
    {
        Config = config;
        var channels = config.Channels;
        conv_in = nn.Conv2d(3, channels[0], 3, padding: 1);
        blocks = new ModuleList<MatchingConvBlock>([
            .. channels.Select(
                (c, i) => new MatchingConvBlock(channels[Math.Max(0, i - 1)], c, config.NormNumGroups, i > 0)
            ),
        ]);
        conv_out = nn.Conv2d(channels[^1], config.Width, 1);
        var side = config.ImageSize >> (channels.Count - 1);
        image_position = nn.Parameter(torch.zeros(side * side, config.Width));
        token_embedding = NativeLayers.Embedding(config.VocabSize, config.Width);
        positional_embedding = nn.Parameter(torch.zeros(config.ContextLength, config.Width));
        layers = new ModuleList<MatchingLayer>([
            .. Enumerable.Range(0, config.Layers).Select(_ => new MatchingLayer(config.Width, config.Heads)),
        ]);
        norm = nn.LayerNorm(config.Width);
        head = nn.Linear(config.Width, 1);
        RegisterComponents();
    }

    /// <summary>Sizes.</summary>
    public ImageTextMatchingConfig Config { get; }

    /// <summary>Reads <c>config.json</c> and <c>model.safetensors</c> from a folder.</summary>
    /// <exception cref="CheckpointException">A file is missing, damaged, or does not fit the other.</exception>
    public static ImageTextMatchingModel FromFolder(string folder)
    {
        var file = Path.Combine(folder, "config.json");
        var config = ImageTextMatchingConfig.Read(file);
        return StoredNetwork.Load(
            file,
            folder,
            config.LeastElements,
            () => new ImageTextMatchingModel(config),
            model => Checkpoint.LoadInto(model, folder)
        );
    }

    /// <summary>The logit of "this image shows what the prompt says".</summary>
    /// <param name="image_BCYX">RGB in [0, 1], of the configured size.</param>
    /// <param name="ids_BL">Token ids, int64; the same number of tokens in every row.</param>
    /// <returns>[B].</returns>
    public override Tensor forward(Tensor image_BCYX, Tensor ids_BL)
    {
        using var scope = torch.NewDisposeScope();
        var h_BCYX = conv_in.call(image_BCYX * 2 - 1);
        foreach (var block in blocks)
        {
            h_BCYX = block.call(h_BCYX);
        }
        var image_BSD = conv_out.call(h_BCYX).flatten(2).transpose(1, 2) + image_position;
        var text_BLD = token_embedding.call(ids_BL) + positional_embedding.narrow(0, 0, ids_BL.size(1));
        foreach (var layer in layers)
        {
            text_BLD = layer.call(text_BLD, image_BSD);
        }
        return head.call(norm.call(text_BLD.mean([1]))).squeeze(-1).MoveToOuterDisposeScope();
    }
}

/// <summary>A residual block of two convolutions; halves the sides first where asked to.</summary>
internal sealed class MatchingConvBlock : nn.Module<Tensor, Tensor>
{
    private readonly Conv2d? down;
    private readonly GroupNorm norm1;
    private readonly Conv2d conv1;
    private readonly GroupNorm norm2;
    private readonly Conv2d conv2;

    public MatchingConvBlock(int inChannels, int outChannels, int groups, bool halve)
        : base(nameof(MatchingConvBlock))
    {
        down = halve ? nn.Conv2d(inChannels, outChannels, 3, stride: 2, padding: 1) : null;
        norm1 = nn.GroupNorm(groups, outChannels);
        conv1 = nn.Conv2d(outChannels, outChannels, 3, padding: 1);
        norm2 = nn.GroupNorm(groups, outChannels);
        conv2 = nn.Conv2d(outChannels, outChannels, 3, padding: 1);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x_BCYX)
    {
        using var scope = torch.NewDisposeScope();
        var h_BCYX = down is null ? x_BCYX : down.call(x_BCYX);
        var r_BCYX = conv1.call(F.silu(norm1.call(h_BCYX)));
        r_BCYX = conv2.call(F.silu(norm2.call(r_BCYX)));
        return (h_BCYX + r_BCYX).MoveToOuterDisposeScope();
    }
}

/// <summary>Self-attention of the words, attention of the words to the image, and an MLP; pre-norm.</summary>
internal sealed class MatchingLayer : nn.Module<Tensor, Tensor, Tensor>
{
    private readonly LayerNorm norm1;
    private readonly MatchingAttention self_attention;
    private readonly LayerNorm norm2;
    private readonly LayerNorm norm_image;
    private readonly MatchingAttention cross_attention;
    private readonly LayerNorm norm3;
    private readonly Linear fc1;
    private readonly Linear fc2;

    public MatchingLayer(int width, int heads)
        : base(nameof(MatchingLayer))
    {
        norm1 = nn.LayerNorm(width);
        self_attention = new MatchingAttention(width, heads);
        norm2 = nn.LayerNorm(width);
        norm_image = nn.LayerNorm(width);
        cross_attention = new MatchingAttention(width, heads);
        norm3 = nn.LayerNorm(width);
        fc1 = nn.Linear(width, 4 * width);
        fc2 = nn.Linear(4 * width, width);
        RegisterComponents();
    }

    public override Tensor forward(Tensor text_BLD, Tensor image_BSD)
    {
        using var scope = torch.NewDisposeScope();
        var normed_BLD = norm1.call(text_BLD);
        var h_BLD = text_BLD + self_attention.call(normed_BLD, normed_BLD);
        h_BLD = h_BLD + cross_attention.call(norm2.call(h_BLD), norm_image.call(image_BSD));
        return (h_BLD + fc2.call(F.gelu(fc1.call(norm3.call(h_BLD))))).MoveToOuterDisposeScope();
    }
}

/// <summary>Multi-head attention from one sequence to another.</summary>
internal sealed class MatchingAttention : nn.Module<Tensor, Tensor, Tensor>
{
    private readonly Linear to_q;
    private readonly Linear to_k;
    private readonly Linear to_v;
    private readonly Linear to_out;
    private readonly int heads;

    public MatchingAttention(int width, int heads)
        : base(nameof(MatchingAttention))
    {
        this.heads = heads;
        to_q = nn.Linear(width, width);
        to_k = nn.Linear(width, width);
        to_v = nn.Linear(width, width);
        to_out = nn.Linear(width, width);
        RegisterComponents();
    }

    public override Tensor forward(Tensor query_BLD, Tensor source_BSD)
    {
        using var scope = torch.NewDisposeScope();
        var attended_BHLK = F.scaled_dot_product_attention(
            Split(to_q.call(query_BLD)),
            Split(to_k.call(source_BSD)),
            Split(to_v.call(source_BSD))
        );
        return to_out.call(attended_BHLK.transpose(1, 2).flatten(2)).MoveToOuterDisposeScope();
    }

    private Tensor Split(Tensor x_BLD) => x_BLD.unflatten(2, [heads, x_BLD.size(2) / heads]).transpose(1, 2);
}
