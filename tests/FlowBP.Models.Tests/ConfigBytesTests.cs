// What a configuration is written as is hashed into the identity of prompt embeddings and lies in every saved folder: the bytes are as
// they were first written.

using System.Security.Cryptography;
using System.Text;
using FlowBP.Families.Flux1;
using FlowBP.Families.Flux2;
using FlowBP.Families.SD3;
using FlowBP.Models.Autoencoders;
using FlowBP.Models.Clip;
using FlowBP.Models.Rewards;
using FlowBP.Models.Schedulers;
using FlowBP.Models.TextEncoders;

namespace FlowBP.Models.Tests;

/// <summary>Configurations are written byte for byte as they always were.</summary>
public class ConfigBytesTests
{
    private static readonly AutoencoderKLConfig Towers = new()
    {
        InChannels = 4,
        OutChannels = 5,
        BlockOutChannels = [8, 16],
        LayersPerBlock = 3,
        LatentChannels = 6,
        NormNumGroups = 2,
        SampleSize = 48,
        MidBlockAddAttention = false,
        UseQuantConv = false,
        UsePostQuantConv = false,
        ScalingFactor = 1.5305,
        ShiftFactor = 0.0609,
    };

    private static readonly ClipTextConfig Text = new()
    {
        VocabSize = 100,
        HiddenSize = 8,
        IntermediateSize = 24,
        ProjectionDim = 12,
        NumHiddenLayers = 3,
        NumAttentionHeads = 2,
        MaxPositionEmbeddings = 16,
        HiddenAct = "gelu",
        LayerNormEps = 1e-6,
        EosTokenId = 2,
        BosTokenId = 3,
        PadTokenId = 4,
    };

    private static readonly ClipVisionConfig Vision = new()
    {
        HiddenSize = 8,
        IntermediateSize = 24,
        ProjectionDim = 12,
        NumHiddenLayers = 3,
        NumAttentionHeads = 2,
        NumChannels = 4,
        ImageSize = 28,
        PatchSize = 14,
        HiddenAct = "gelu",
        LayerNormEps = 1e-6,
    };

    private static readonly (string Name, string Json, string Sha256)[] Cases =
    [
        (
            "SD3Transformer",
            new SD3TransformerConfig().ToJson(),
            "72c3f0cffed13f03984a1ae84f98c81c5a97ec86010a644cc3c953f348f62253"
        ),
        (
            "SD3Transformer with normed queries",
            new SD3TransformerConfig
            {
                SampleSize = 32,
                PatchSize = 4,
                InChannels = 5,
                OutChannels = 6,
                NumLayers = 7,
                AttentionHeadDim = 8,
                NumAttentionHeads = 9,
                JointAttentionDim = 10,
                PooledProjectionDim = 11,
                PosEmbedMaxSize = 12,
                DualAttentionLayers = [0, 2],
                QkNorm = true,
            }.ToJson(),
            "ff6ae14ff184d103bc697777150274e54bf3798802548161310e3b8fb48fa681"
        ),
        (
            "FluxTransformer",
            new FluxTransformerConfig().ToJson(),
            "22c597b6901daaeeecdd9812d17a324d46aa09ebc93131cf85aa6a491bc49b43"
        ),
        (
            "FluxTransformer with other channels",
            new FluxTransformerConfig
            {
                InChannels = 5,
                OutChannels = 6,
                NumLayers = 7,
                NumSingleLayers = 8,
                AttentionHeadDim = 9,
                NumAttentionHeads = 10,
                JointAttentionDim = 11,
                PooledProjectionDim = 12,
                GuidanceEmbeds = true,
                AxesDimsRope = [1, 2],
            }.ToJson(),
            "fee87915ffe2a51e4b56688406bf8f4799c2fe70e330c0aca45c77236e91c66c"
        ),
        (
            "Flux2Transformer",
            new Flux2TransformerConfig().ToJson(),
            "bde11c93ffadf1dcabc2739de5439b32a5668565d5a101badcfa29b375239c81"
        ),
        (
            "Flux2Transformer with other channels",
            new Flux2TransformerConfig
            {
                InChannels = 5,
                OutChannels = 6,
                NumLayers = 7,
                NumSingleLayers = 8,
                AttentionHeadDim = 9,
                NumAttentionHeads = 10,
                JointAttentionDim = 11,
                TimestepGuidanceChannels = 12,
                MlpRatio = 2.5,
                AxesDimsRope = [1, 2],
                RopeTheta = 3000.5,
                Eps = 1e-5,
                GuidanceEmbeds = false,
            }.ToJson(),
            "9eb3a279bd0d4ae920b3fa332def63a12373cf0167590853cc4ecdf1fce71c2c"
        ),
        (
            "AutoencoderKL",
            new AutoencoderKLConfig().ToJson(),
            "34f583545facbecae6c535bc55629643e7518b684a269dda13d967efd7a587f9"
        ),
        (
            "AutoencoderKL of other sizes",
            Towers.ToJson(),
            "ba9c72f19921e529230afc7dd12b2fcbfdd68ec2e9ec97a37f0a53be1f68d3cd"
        ),
        (
            "AutoencoderKLFlux2",
            new AutoencoderKLFlux2Config().ToJson(),
            "c88479682634003bc95e630473f4c6000c494e6e52be8dccc0f8dd1366f9c885"
        ),
        (
            "AutoencoderKLFlux2 of other sizes",
            new AutoencoderKLFlux2Config
            {
                Towers = Towers,
                DecoderBlockOutChannels = [4, 8],
                BatchNormEps = 1e-3,
            }.ToJson(),
            "ae6dd3fa958c7e8f0dc3231df9d0d8aa7cbee498c44f220c1acdee5f5a90a910"
        ),
        ("T5", new T5Config().ToJson(), "73292192b4662ec3bba14ccce4d01b6667f3bffd78addeca7ff02c05a235c036"),
        ("T5 XXL", T5Config.Xxl.ToJson(), "2aecbc4d6601bad8d8f4710897694d66e0ec37884c30136b9992695eb1338307"),
        (
            "T5 of other sizes",
            new T5Config
            {
                VocabSize = 100,
                DModel = 8,
                DKv = 4,
                DFf = 16,
                NumLayers = 3,
                NumHeads = 2,
                RelativeAttentionNumBuckets = 8,
                RelativeAttentionMaxDistance = 20,
                LayerNormEpsilon = 1e-5,
                FeedForwardProj = "gated-silu",
                PadTokenId = 5,
                EosTokenId = 6,
            }.ToJson(),
            "8341cb1ff89a97eccc6255d1c32c843845eab70e4ba346d62a2f712218801644"
        ),
        ("Qwen3", new Qwen3Config().ToJson(), "f86d631fe577fbeb228b3d928128e81048657f1d07ffa5c024eab2c8a5b1834e"),
        (
            "Qwen3 of other sizes",
            new Qwen3Config
            {
                VocabSize = 100,
                HiddenSize = 8,
                IntermediateSize = 24,
                NumHiddenLayers = 3,
                NumAttentionHeads = 4,
                NumKeyValueHeads = 2,
                HeadDim = 6,
                HiddenAct = "gelu",
                MaxPositionEmbeddings = 64,
                RmsNormEps = 1e-5,
                RopeTheta = 1e6,
                AttentionBias = true,
                TieWordEmbeddings = true,
            }.ToJson(),
            "22b629f7d602b7b16b084dd2bd6aaf62482dc491c81102ace65d36d29108a273"
        ),
        ("ClipText", new ClipTextConfig().ToJson(), "c7d640a5cfd44ae5d46736b1752af86dc01ce46e0ddba4b76a7d8316c4604b97"),
        (
            "ClipText bigG",
            ClipTextConfig.ClipBigG.ToJson(),
            "5895d7dac9dca9602bbaee0c47a862115288f56a1dca2d8531cb1b6dfb333085"
        ),
        ("ClipText of other sizes", Text.ToJson(), "e015e91ba10ce5745cfc8fee8db44f3cbadb75a3a5362c0b3eb457033949d3c6"),
        ("Clip", new ClipConfig().ToJson(), "64f5f6dd9f57f3d8c37e6bf3bbf255b98f9f97c52d07fede339480c0250d5ee1"),
        (
            "Clip of other sizes",
            new ClipConfig
            {
                Text = Text,
                Vision = Vision,
                ProjectionDim = 12,
                LogitScaleInit = 4.6052,
            }.ToJson(),
            "f74d78a3a4091c72b1b85b25a53bdf6d3d0324c3b125bcbb636a325b3a72ff33"
        ),
        ("OpenClip", OpenClipConfig.HpsV2.ToJson(), "7f3d6d6f610517c7bc4769fab37ab6104c13fa545037df2f9c59233659d52ddc"),
        (
            "ImageTextMatching",
            new ImageTextMatchingConfig
            {
                VocabSize = 100,
                ContextLength = 16,
                ImageSize = 32,
                Channels = [8, 16],
                NormNumGroups = 4,
                Width = 12,
                Layers = 3,
                Heads = 2,
            }.ToJson(),
            "b4fbd5ed071e88e2dfa5556180c9e70793314c5a95293a33f53d84422704a039"
        ),
        (
            "FlowMatchEuler",
            new FlowMatchEulerConfig().ToJson(),
            "db22006ac22b34fab39419dd988002822b8dd600f5a375e3342f1cd6234cc99c"
        ),
        (
            "FlowMatchEuler with a dynamic shift",
            new FlowMatchEulerConfig
            {
                NumTrainTimesteps = 500,
                Shift = 3,
                UseDynamicShifting = true,
                BaseShift = 0.25,
                MaxShift = 1.25,
                BaseImageSeqLen = 128,
                MaxImageSeqLen = 2048,
            }.ToJson(),
            "1385b31eb9ac106bdf8b065db81824e261338f17706fc41dd7f87d84e8960ee4"
        ),
    ];

    private static IEnumerable<TestCaseData> Written =>
        Cases.Select(each => new TestCaseData(each.Json, each.Sha256).SetArgDisplayNames(each.Name));

    [TestCaseSource(nameof(Written))]
    public void The_bytes_are_as_they_were(string json, string sha256) =>
        Assert.That(Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(json))), Is.EqualTo(sha256), json);
}
