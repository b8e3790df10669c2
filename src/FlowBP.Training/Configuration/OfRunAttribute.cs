using System.Reflection;
using FlowBP.Settings;

namespace FlowBP.Training.Configuration;

/// <summary>Makes a property the setting that an alignment has under the same name, with the property's own default.</summary>
/// <param name="help">One line for the user; empty: that of the alignment.</param>
public class OfRunAttribute(string help = "") : SettingAttribute(help)
{
    /// <inheritdoc/>
    protected override Setting Of(PropertyInfo property, object? value)
    {
        var name = NameOf(property);
        var ofRun = AlignmentConfig.Settings.First(setting => setting.Name == name);
        return ofRun with { Default = value, Help = Help.Length > 0 ? Help : ofRun.Help };
    }
}
